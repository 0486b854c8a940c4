#!/usr/bin/env node
// Runs the sources directly with Node's type stripping: no build, no dist, no manifest.
import {fileURLToPath} from 'node:url'
import {main} from '../src/cli/main.ts'

await main({
  root: fileURLToPath(new URL('..', import.meta.url)),
  argv: process.argv.slice(2),
  commands: './src/commands',
})
