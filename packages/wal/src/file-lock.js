/**
 * An exclusive lock on a file.
 *
 * The kernel keeps it where that can be had: `flock(2)`, taken on our descriptor by the `flock` command,
 * stays with the open file and therefore ends with us, however we end. Node itself has no such call. Where
 * the command is missing, the file names its holder, and a holder that is gone is replaced.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  readlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'

/**
 * Who holds a lock.
 *
 * @typedef {object} Holder
 * @property {number} pid
 * @property {string} started when the process started, by the kernel's account; empty if it is not known
 * @property {string} namespace in which the pid is meant; empty if it is not known
 * @property {'kernel' | 'file'} means what keeps the lock
 */

/**
 * Takes the lock.
 *
 * @param {string} path
 * @param {{ readonly command?: string }} [options] `command`: what to run for flock
 * @returns {{ release(): void }}
 * @throws an error with code `EWOULDBLOCK` and `holderPid`
 */
export function createFileLock(path, { command = 'flock' } = {}) {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  const descriptor = openSync(path, flags, 0o600)
  try {
    const answer = lockInKernel(descriptor, command)
    if (answer === 'refused') throw refusal(path, readHolder(descriptor))
    if (answer === 'locked') {
      refuseLivingHolder(path, descriptor, true)
      writeHolder(descriptor, 'kernel')
    } else {
      lockByName(path, descriptor)
    }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  return {
    release: () => {
      ftruncateSync(descriptor, 0)
      closeSync(descriptor)
    },
  }
}

/**
 * @param {number} descriptor
 * @param {string} command
 * @returns {'locked' | 'refused' | 'unavailable'}
 */
function lockInKernel(descriptor, command) {
  try {
    const { error, status } = spawnSync(command, ['-n', '-x', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', descriptor],
    })
    if (error !== undefined) return 'unavailable'
    if (status === 0) return 'locked'
    return status === 1 ? 'refused' : 'unavailable'
  } catch {
    // A host may forbid child processes.
    return 'unavailable'
  }
}

/**
 * Reading the holder and taking its place must be one step. A second file, created exclusively, makes it
 * one; it exists for an instant only.
 *
 * @param {string} path
 * @param {number} descriptor
 */
function lockByName(path, descriptor) {
  const guard = `${path}.guard`
  try {
    closeSync(openSync(guard, 'wx', 0o600))
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error
    throw refusal(path, readHolder(descriptor), `; remove ${guard} if no process is starting`)
  }
  try {
    refuseLivingHolder(path, descriptor, false)
    writeHolder(descriptor, 'file')
  } finally {
    unlinkSync(guard)
  }
}

/**
 * @param {string} path
 * @param {number} descriptor
 * @param {boolean} inKernel whether we have the lock of the kernel
 */
function refuseLivingHolder(path, descriptor, inKernel) {
  const holder = readHolder(descriptor)
  // The kernel would not have given us the lock of one that lives.
  if (holder === undefined || (inKernel && holder.means === 'kernel')) return
  if (holder.namespace !== namespaceOfSelf()) {
    throw refusal(path, holder, ` on another host or in another container; empty ${path} if it is gone`)
  }
  const started = startOf(holder.pid)
  const lives = started === '' ? isAlive(holder.pid) : started === holder.started
  if (lives) throw refusal(path, holder)
}

/**
 * @param {string} path
 * @param {Holder | undefined} holder
 */
function refusal(path, holder, hint = '') {
  const who = holder === undefined ? 'another process' : `process ${holder.pid}`
  const message = `${path} is held by ${who}${hint}`
  return Object.assign(new Error(message), { code: 'EWOULDBLOCK', holderPid: holder?.pid })
}

/**
 * @param {number} descriptor
 * @returns {Holder | undefined} undefined also when the file was left half written
 */
function readHolder(descriptor) {
  const bytes = Buffer.alloc(1024)
  const text = bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, 0))
  try {
    const { pid, started, namespace, means } = JSON.parse(text)
    return { pid: Number(pid), started: String(started), namespace: String(namespace), means }
  } catch {
    return undefined
  }
}

/**
 * @param {number} descriptor
 * @param {Holder['means']} means
 */
function writeHolder(descriptor, means) {
  const { pid } = process
  const holder = { pid, started: startOf(pid), namespace: namespaceOfSelf(), means }
  ftruncateSync(descriptor, 0)
  writeSync(descriptor, `${JSON.stringify(holder)}\n`, 0)
}

/** Where a pid means what it means here. */
function namespaceOfSelf() {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

/**
 * When a process started: tells it from a later one with the same pid.
 *
 * @param {number} pid
 * @returns {string} empty when there is no such process, or no way to know
 */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, the name of the program, may itself hold blanks and parentheses.
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return `${boot} ${startTicks}`
  } catch {
    return ''
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
