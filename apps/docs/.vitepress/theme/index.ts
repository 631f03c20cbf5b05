import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import "./style.css";
import "./model.css";

export default { extends: DefaultTheme } satisfies Theme;
