import {markup, type Markup} from './markup.ts'
import {STYLE} from './style.ts'

/** An HTML page in one file, which may run no script and load nothing. @param title text, escaped here */
export function selfContained(title: string, body: Markup): string {
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`
  return page.text
}
