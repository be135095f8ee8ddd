import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createWorkerDisk, openWal } from '@orrery/wal'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytes, contents, errorOf } from './fixtures.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-wal-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

const options = { segmentMaxBytes: 8_192, recordMaxBytes: 4_096, preallocateBytes: 8_192 }

test('a log on a real disk survives closing, truncation and compaction', async () => {
  const disk = createWorkerDisk()
  const wal = await openWal({ disk, directory }, options)
  const expected: string[] = []
  for (let i = 1; i <= 2_000; i++) {
    wal.append(0, bytes(`entry ${i}`))
    if (i > 1_000 && i <= 1_500) expected.push(`${i}:entry ${i}`)
    if (i % 100 === 0) await wal.flush()
  }
  wal.truncateSuffix(1_500)
  await wal.flush()
  await wal.compactPrefix(1_000)
  await wal.close()
  const again = await openWal({ disk, directory }, options)
  expect(again.firstIndex).toBeGreaterThan(400)
  expect(await contents(again, 1_001)).toEqual(expected)
  await again.close()
  await disk.close()
  expect(readdirSync(directory).every((name) => name === 'LOCK' || name.endsWith('.wal'))).toBe(true)
})

test('one disk serves several logs', async () => {
  const disk = createWorkerDisk()
  const names = ['a', 'b', 'c']
  const logs = await Promise.all(
    names.map((name) => openWal({ disk, directory: join(directory, name) }, options)),
  )
  for (const [i, wal] of logs.entries()) wal.append(i, bytes(names[i] ?? ''))
  await Promise.all(logs.map((wal) => wal.close()))
  for (const name of names) {
    const wal = await openWal({ disk, directory: join(directory, name) }, options)
    expect(await contents(wal)).toEqual([`1:${name}`])
    await wal.close()
  }
  await disk.close()
})

/** Starts a writer that prints the index of each acknowledged entry, and kills it after `count` lines. @param args of the writer */
async function writeUntilKilled(count: number, ...args: string[]): Promise<number> {
  const script = fileURLToPath(new URL('./writer.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--conditions=@orrery/source', '--import', 'tsx', script, directory, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let acknowledged = 0
  let seen = 0
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line)
    if (++seen === count) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  return acknowledged
}

test('a writer that is killed at any time leaves everything that it acknowledged', async () => {
  for (const count of [1, 40, 7]) {
    const acknowledged = await writeUntilKilled(count)
    const disk = createWorkerDisk()
    const wal = await openWal({ disk, directory }, options)
    expect(wal.recovery.state).toBe('unclean')
    expect(wal.lastIndex).toBeGreaterThanOrEqual(acknowledged)
    const found = await contents(wal)
    expect(found).toEqual(found.map((_, i) => `${i + 1}:entry ${i + 1}`))
    expect(found.length).toBe(wal.lastIndex)
    // The next writer finds an unclean log again, or a clean one.
    if (count === 40) await wal.close()
    await disk.close()
  }
})

test('so does one that writes over what it does not need any more', async () => {
  for (const count of [400, 200, 300]) {
    const acknowledged = await writeUntilKilled(count, '20')
    const disk = createWorkerDisk()
    const wal = await openWal({ disk, directory }, options)
    expect(wal.recovery.state).toBe('unclean')
    const { firstIndex } = wal
    expect(firstIndex).toBeGreaterThan(1)
    expect(wal.lastIndex).toBeGreaterThanOrEqual(acknowledged)
    const found = await contents(wal)
    expect(found).toEqual(found.map((_, i) => `${firstIndex + i}:entry ${firstIndex + i}`))
    expect(found.length).toBe(wal.lastIndex - firstIndex + 1)
    await disk.close()
  }
})

test('the directory of a living process is refused with its pid', async () => {
  const disks = [createWorkerDisk(), createWorkerDisk()] as const
  const wal = await openWal({ disk: disks[0], directory }, options)
  for (const disk of disks) {
    expect(await errorOf(openWal({ disk, directory }, options))).toMatchObject({
      code: 'WAL_LOCKED',
      details: { holderPid: process.pid },
    })
  }
  await wal.close()
  await (await openWal({ disk: disks[1], directory }, options)).close()
  await Promise.all(disks.map((disk) => disk.close()))
})
