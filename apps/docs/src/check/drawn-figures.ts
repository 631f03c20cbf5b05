/**
 * Figures that a page names and that are not in what was built of it: their code did not run, which a component that is
 * loaded by itself says on the console only.
 */
export function figureProblems(page: string, source: string, html: string): readonly string[] {
  const names = [
    ...[...source.matchAll(/<LiveFigure name="([^"]+)"/g)].map(([, name]) => name!),
    ...(source.includes("<SpeProfile />") ? ["spe-profile"] : []),
    ...(source.includes("<SpeFigure />") ? ["spe-record"] : []),
  ];
  return names
    .filter((name) => !html.includes(`data-figure="${name}"`))
    .map((name) => `${page}: the figure ${name} is not drawn: its code failed`);
}
