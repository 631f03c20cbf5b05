import { HighlightStyle } from "@codemirror/language";
import { tags } from "@lezer/highlight";

/** Colours come from the page, so that they follow its theme. */
export const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--k-code-key)" },
  { tag: tags.definition(tags.propertyName), color: "var(--k-code-key)" },
  { tag: [tags.string, tags.content, tags.attributeValue], color: "var(--k-code-value)" },
  { tag: tags.comment, color: "var(--vp-c-text-2)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--vp-c-text-2)" },
]);
