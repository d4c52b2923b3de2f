/** Writes the API's documentation and the page of error codes into `_dist/docs`, to be served offline. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OUT = '_dist/docs';
const SWAGGER = 'node_modules/swagger-ui-dist';

mkdirSync(join(OUT, 'problems'), { recursive: true });
for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) copyFileSync(join(SWAGGER, file), join(OUT, file));
for (const file of ['index.html', 'start.js', 'docs.css']) copyFileSync(join('docs', file), join(OUT, file));
copyFileSync('src/frame/icon.svg', join(OUT, 'icon.svg'));
writeFileSync(join(OUT, 'problems', 'index.html'), page(readFileSync('../../../docs/problems.md', 'utf8')));
console.log('documentation');

/** Of Markdown, only what that page uses: headings, paragraphs, code. Anything else stops the build. */
function page(markdown) {
  const blocks = markdown.trim().split(/\n{2,}|(?<=^#.*)\n/m);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Errors · Mini-XDR Appliance</title>
    <link rel="icon" type="image/svg+xml" href="/docs/icon.svg" />
    <link rel="stylesheet" href="/docs/docs.css" />
  </head>
  <body>
    <nav><a href="/">Console</a> <a href="/docs/">API</a></nav>
    <main class="page">
${blocks.map(block).join('\n')}
    </main>
  </body>
</html>
`;
}

function block(text) {
  const heading = /^(#{1,3}) (.*)$/.exec(text);
  if (!heading) {
    if (/^([-*>|]|\d+\.|```)/.test(text)) throw new Error(`docs/problems.md holds more than this page can show: ${text}`);
    return `<p>${inline(text)}</p>`;
  }
  const [, marks, title] = heading;
  const id = marks.length === 3 ? ` id="${title}"` : '';
  return `<h${marks.length}${id}>${inline(title)}</h${marks.length}>`;
}

function inline(text) {
  const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return plain.replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}
