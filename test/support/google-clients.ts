import {execFileSync} from 'node:child_process'
import {join} from 'node:path'
import {missing} from './tool.ts'

/** A Python that has Google's clients, such as a virtual environment's. */
export const PYTHON = process.env['GOOGLE_CLIENTS_PYTHON'] ?? 'python3'
/** A Go module that requires Google's clients. */
export const GO_MODULE = join(import.meta.dirname, '../fixtures/clients/go')
/** A crate that uses object_store. */
export const CRATE = join(import.meta.dirname, '../fixtures/clients/rust')
/** A folder with the jars of google-cloud-storage and of all that it needs. */
export const JARS = process.env['GOOGLE_CLIENTS_JARS']

/** What the title of a test says at its end if Python or one of the modules is missing. */
export const withoutPython = (...modules: readonly string[]): string | undefined =>
  missing(PYTHON) ??
  unless(
    [PYTHON, '-c', `import ${modules.join(', ')}`],
    `no ${modules.join(' and ')}; GOOGLE_CLIENTS_PYTHON may name a Python that has it`,
  )

/** The same for Go and Google's clients, of which tests download nothing. */
export const withoutGo = (): string | undefined =>
  missing('go') ??
  unless(
    ['go', 'list', '-deps', '.'],
    "Google's clients are not in the module cache; go mod download in test/fixtures/clients/go gets them",
  )

/** The same for Rust and its crates. */
export const withoutRust = (): string | undefined =>
  missing('cargo') ??
  unless(
    ['cargo', 'tree', '--offline', '--manifest-path', join(CRATE, 'Cargo.toml')],
    "object_store is not in cargo's cache; cargo fetch in test/fixtures/clients/rust gets it",
  )

/** The same for Java and its jars. */
export const withoutJava = (): string | undefined =>
  missing('java') ??
  (JARS === undefined ? ' (skipped: GOOGLE_CLIENTS_JARS names no folder of jars)' : undefined)

function unless([program = '', ...args]: readonly string[], reason: string): string | undefined {
  try {
    execFileSync(program, args, {
      cwd: GO_MODULE,
      stdio: 'ignore',
      env: {...process.env, GOPROXY: 'off', GOFLAGS: '-mod=readonly'},
    })
    return undefined
  } catch {
    return ` (skipped: ${reason})`
  }
}
