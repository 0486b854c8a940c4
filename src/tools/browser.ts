import {setTimeout} from 'node:timers/promises'
import {AppError} from '../core/errors.ts'

/** Command that opens a file or an address with the user's default program, by platform. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}
/** An opener hands the file over and exits; one that stays is the browser itself and is left running. */
const PATIENCE_MS = 3000

/**
 * Opens a file, or an address, in the user's browser: `$BROWSER`, else the platform's opener. Does not wait for it to close.
 * @throws AppError `browser-missing`
 */
export async function openInBrowser(
  page: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const own = environment['BROWSER']
  const [program, ...args] = own ? [own] : (OPENERS[process.platform] ?? ['xdg-open'])
  const {execa} = await import('execa')
  const opener = execa(program ?? 'xdg-open', [...args, page], {
    detached: true,
    cleanup: false,
    stdio: 'ignore',
    reject: false,
  })
  const patience = new AbortController()
  const ended = await Promise.race([
    opener,
    setTimeout(PATIENCE_MS, undefined, {signal: patience.signal}).catch(() => undefined),
  ])
  patience.abort()
  opener.nodeChildProcess.unref()
  if (ended?.failed) {
    throw new AppError(`${program} could not open ${page}.`, {
      code: 'browser-missing',
      suggestions: [
        `Open it yourself: ${page.includes('://') ? page : `file://${page}`}`,
        'Or set your browser: export BROWSER=firefox',
      ],
      cause: ended,
    })
  }
}
