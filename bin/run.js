#!/usr/bin/env node
// Plain JavaScript that older Nodes can run: before it loads any file that needs Node 24, it says what is missing or
// continues under the Node that `npm ci` installed.
import {spawn} from 'node:child_process'
import {existsSync, readFileSync} from 'node:fs'
import module from 'node:module'
import {basename, dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

const NEEDED = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))

const major = (version) => Number(version.replace(/^v/, '').split('.')[0])

/** The binary of the `node` package, if installed and new enough. */
function packagedNode() {
  try {
    const manifest = module.createRequire(import.meta.url).resolve('node/package.json')
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    const {version} = JSON.parse(readFileSync(manifest, 'utf8'))
    return major(version) >= NEEDED && existsSync(binary) ? binary : undefined
  } catch {
    return undefined
  }
}

function refuse(lines) {
  process.stderr.write(`${lines.join('\n')}\n`)
  process.exitCode = 1
}

/** Runs this file again under another Node: same terminal, forwarded signals, same exit. */
function continueUnder(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const forward = (signal) => child.kill(signal)
  for (const signal of signals) process.on(signal, forward)
  child.on('error', (error) => refuse([`Error: cannot start ${node}: ${error.message}`]))
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward)
    if (signal) process.kill(process.pid, signal)
    else process.exitCode = code ?? 1
  })
}

/**
 * What else gives this file a newer Node: in a clone its own development dependency, beside a package that a project
 * depends on the package of Node, and for a global one npx, which leaves the Node of this machine alone.
 */
function otherWay() {
  if (existsSync(join(root, 'package-lock.json'))) return `run "npm ci" in ${root}, which brings its own.`
  const project = dirname(dirname(root))
  return basename(dirname(root)) === 'node_modules' && existsSync(join(project, 'package.json'))
    ? `put it beside this package: npm install node@${NEEDED} --prefix ${project}`
    : `have npm bring it for a command: npx --package node@${NEEDED} -- cloud-runner setup`
}

async function start() {
  module.enableCompileCache()
  const entry = new URL('../dist/src/cli/main.js', import.meta.url)
  if (!existsSync(entry)) {
    refuse(['Error: cloud-runner is not built yet.', `Build it: npm run build --prefix ${root}`])
    return
  }
  const {main} = await import(entry.href)
  await main({root, argv: process.argv.slice(2)})
}

if (major(process.version) >= NEEDED) {
  await start()
} else {
  const node = packagedNode()
  if (node) continueUnder(node)
  else {
    refuse([
      `Error: cloud-runner needs Node ${NEEDED} or later; this is Node ${process.version} (${process.execPath}).`,
      `Install Node ${NEEDED} from https://nodejs.org, or ${otherWay()}`,
    ])
  }
}
