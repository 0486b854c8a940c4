import {setTimeout} from 'node:timers/promises'
import {execa} from 'execa'
import {AppError} from '../core/errors.ts'

/** What opens a file with the program that the user has for it, by platform. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}
/** An opener hands over and ends; one that stays is the browser itself, and is left to itself. */
const PATIENCE_MS = 3000

/**
 * Shows a file in the user's browser: `$BROWSER`, else what the platform opens files with. Does not wait for it.
 * @throws AppError `browser-missing`
 */
export async function openInBrowser(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const own = environment['BROWSER']
  const [program, ...args] = own ? [own] : (OPENERS[process.platform] ?? ['xdg-open'])
  const opener = execa(program ?? 'xdg-open', [...args, file], {
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
    throw new AppError(`${program} could not open ${file}.`, {
      code: 'browser-missing',
      suggestions: [
        `Open it yourself: file://${file}`,
        'Or name your browser: BROWSER=firefox cloud-runner report OBJECT --open',
      ],
      cause: ended,
    })
  }
}
