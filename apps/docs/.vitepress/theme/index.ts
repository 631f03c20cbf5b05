import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import { defineAsyncComponent } from "vue";
import LiveFigure from "../../src/figures/LiveFigure.vue";
import FirstPicture from "../../src/figures/FirstPicture.vue";
import "./style.css";

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component("LiveFigure", LiveFigure);
    app.component("FirstPicture", FirstPicture);
    app.component(
      "PlaygroundApp",
      defineAsyncComponent(() => import("../../src/playground/PlaygroundApp.vue")),
    );
  },
} satisfies Theme;
