import {readFile} from 'node:fs/promises'
import type {ServerResponse} from 'node:http'
import {join} from 'node:path'
import {fieldsOf, type JsonObject} from '../core/json.ts'
import {packageFolder} from '../core/package-folder.ts'

/** The page runs its own script and style, calls this server, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
} as const

const FOLDER = join(packageFolder(), 'dist', 'console')

/** The OpenAPI document that the build derived from the types. @param origin where it is served */
export async function readDescription(origin: string): Promise<JsonObject> {
  const document = fieldsOf(JSON.parse(await readFile(join(FOLDER, 'openapi.json'), 'utf8')))
  return {...document, servers: [{url: origin}]}
}

/** Answers with a file of the page that the build put together; every other path is the page itself. */
export async function answerWithPage(path: string, response: ServerResponse): Promise<void> {
  const name = path === '/page.js' ? 'page.js' : path === '/page.css' ? 'page.css' : 'index.html'
  const content = await readFile(join(FOLDER, name))
  response.writeHead(200, {
    'content-type': TYPES[name],
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
  })
  response.end(content)
}
