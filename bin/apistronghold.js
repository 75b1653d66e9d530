#!/usr/bin/env node
/*
 * The first file that runs, perhaps on a Node that is too old for all others: it is written in
 * what Node 12 reads. It finds a Node that is new enough, or says in one sentence what is missing.
 */

import { spawn } from 'child_process'
import { existsSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'

const OLDEST = 24
const root = join(dirname(fileURLToPath(import.meta.url)), '..')

if (Number(process.versions.node.split('.')[0]) >= OLDEST) runHere()
else runWithPinnedNode()

/** A clone runs its sources; a package holds only what they were compiled to. */
function runHere() {
  const sources = join(root, 'src', 'cli', 'main.ts')
  const compiled = join(root, 'dist', 'src', 'cli', 'main.js')
  const entry = existsSync(sources) ? sources : compiled
  hideExperimentalWarnings()
  import(pathToFileURL(entry).href)
    .then(function (cli) {
      return cli.main(process.argv.slice(2))
    })
    .catch(function () {
      // main() words its own failures; what arrives here could hold anything, so it is not shown.
      process.stderr.write(
        'apistronghold could not be started: its files are damaged; install it again\n',
      )
      process.exitCode = 1
    })
}

/** node:sqlite is stable enough for us; its warning would stand before every answer. */
function hideExperimentalWarnings() {
  const listeners = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', function (warning) {
    if (warning.name === 'ExperimentalWarning') return
    listeners.forEach(function (listener) {
      listener(warning)
    })
  })
}

/** In a clone, npm has put a Node of the right version beside us. */
function runWithPinnedNode() {
  const pinned = [
    join(root, 'node_modules', 'node', 'bin', 'node'),
    join(root, 'node_modules', '.bin', 'node'),
  ].filter(existsSync)[0]
  if (pinned === undefined || process.env.APISTRONGHOLD_PINNED_NODE === '1') return giveUp()
  const child = spawn(pinned, process.execArgv.concat(process.argv.slice(1)), {
    stdio: 'inherit',
    env: Object.assign({}, process.env, { APISTRONGHOLD_PINNED_NODE: '1' }),
  })
  // A terminal sends Ctrl-C to both of us; one of us must wait for the other to end.
  const ignored = ['SIGINT', 'SIGQUIT']
  const forwarded = ['SIGTERM', 'SIGHUP']
  ignored.forEach(function (signal) {
    process.on(signal, function () {})
  })
  forwarded.forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal)
    })
  })
  child.on('error', giveUp)
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code)
    ignored.concat(forwarded).forEach(function (name) {
      process.removeAllListeners(name)
    })
    process.kill(process.pid, signal)
  })
}

function giveUp() {
  process.stderr.write(
    'apistronghold needs Node ' +
      OLDEST +
      ' or newer; this is ' +
      process.version +
      ': install it, or run `npm ci` in a clone, which brings its own\n',
  )
  process.exitCode = 1
}
