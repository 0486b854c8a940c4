import {request as sendRequest} from 'node:http'
import {startServer} from './answering-server.ts'

/**
 * Passes the registry protocol on to `target` for those who show a token, and asks the others for one as Google's
 * registry does: a challenge, and a token for the password of `oauth2accesstoken`. Ends with the test.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export async function startTokenRegistry(target: string): Promise<{readonly origin: string}> {
  const origin = await startServer((request, response) => {
    const {authorization = '', host = ''} = request.headers
    const url = new URL(request.url ?? '/', target)
    if (url.pathname === '/v2/token') {
      const user = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()
      const token = /^oauth2accesstoken:(.+)$/.exec(user)?.[1]
      response.writeHead(token === undefined ? 401 : 200, {'content-type': 'application/json'})
      response.end(JSON.stringify({token}))
      return
    }
    if (!authorization.startsWith('Bearer ')) {
      request.resume()
      response.writeHead(401, {
        'www-authenticate': `Bearer realm="http://${host}/v2/token",service="${host}"`,
        'content-type': 'application/json',
      })
      response.end(JSON.stringify({errors: [{code: 'UNAUTHORIZED', message: 'authentication required'}]}))
      return
    }
    const forwarded = sendRequest(url, {method: request.method, headers: request.headers}, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('error', () => response.destroy())
    request.pipe(forwarded)
  })
  return {origin}
}
