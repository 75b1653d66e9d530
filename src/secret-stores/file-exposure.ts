/** Whether other users of the machine, agents among them, could read or replace a file. */

import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002
const OTHERS_ENTER = 0o001
const STICKY = 0o1000

/** Says how the file is exposed; undefined when it is not. The path must be free of links. */
export async function exposureOf(path: string, mode: number): Promise<string | undefined> {
  const directories = await modesAbove(path)
  // One directory on the way that others cannot enter protects everything below it.
  if (directories.some((directory) => !has(directory, OTHERS_ENTER))) return undefined
  if (has(mode, OTHERS_READ))
    return 'can be read by every user of this machine: give it mode 0600, or 0400 where it is mounted'
  if (has(mode, OTHERS_WRITE)) return 'can be changed by every user of this machine'
  if (directories.some((directory) => has(directory, OTHERS_WRITE) && !has(directory, STICKY)))
    return 'lies in a directory that every user of this machine can change'
  return undefined
}

const has = (mode: number, bit: number): boolean => (mode & bit) !== 0

async function modesAbove(path: string): Promise<number[]> {
  const parent = dirname(path)
  const { mode } = await stat(parent)
  return parent === '/' ? [mode] : [mode, ...(await modesAbove(parent))]
}
