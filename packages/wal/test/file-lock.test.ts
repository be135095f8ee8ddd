import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createFileLock } from '../src/file-lock.js'

let directory = ''
let path = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-lock-'))
  path = join(directory, 'LOCK')
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

/** A process that takes the lock and keeps it until it is killed. */
async function holder(command: string) {
  const module = new URL('../src/file-lock.js', import.meta.url).href
  const script = `
    const { createFileLock } = await import(${JSON.stringify(module)})
    createFileLock(${JSON.stringify(path)}, { command: ${JSON.stringify(command)} })
    console.log('locked')
    setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  })
  await once(child.stdout, 'data')
  return {
    pid: child.pid,
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

const absent = 'orrery-no-such-command'

describe.each([
  { name: 'kept by the kernel', command: 'flock' },
  { name: 'kept by the file alone', command: absent },
])('a lock $name', ({ command }) => {
  test('is refused while it is held, by a name of its holder, and free afterwards', () => {
    const lock = createFileLock(path, { command })
    expect(() => createFileLock(path, { command })).toThrow(
      expect.objectContaining({ code: 'EWOULDBLOCK', holderPid: process.pid }),
    )
    lock.release()
    createFileLock(path, { command }).release()
  })

  test('of another process is refused until that process dies, in whatever way', async () => {
    const other = await holder(command)
    try {
      for (const ours of [command, 'flock', absent]) {
        expect(() => createFileLock(path, { command: ours })).toThrow(
          expect.objectContaining({ code: 'EWOULDBLOCK', holderPid: other.pid }),
        )
      }
    } finally {
      await other.kill()
    }
    createFileLock(path, { command }).release()
  })

  test('is not kept by a process that merely has the pid of the holder', () => {
    createFileLock(path, { command }).release()
    const lock = createFileLock(path, { command: absent })
    const content = readFileSync(path, 'utf8')
    lock.release()
    const { started } = JSON.parse(content) as { started: string }
    writeFileSync(path, content.replace(started, `${started}0`))
    createFileLock(path, { command }).release()
  })

  test('of another host or container is not taken over', () => {
    const lock = createFileLock(path, { command: absent })
    const content = readFileSync(path, 'utf8')
    lock.release()
    writeFileSync(path, content.replace(/"namespace":"/, '"namespace":"elsewhere '))
    expect(() => createFileLock(path, { command })).toThrow(/another host/)
  })

  test('that was left half written is free', () => {
    writeFileSync(path, '{"pid":1')
    createFileLock(path, { command }).release()
  })
})
