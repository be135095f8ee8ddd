import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, type Random } from '@orrery/environment'
import { verifyLmdb } from '@orrery/mvcc-lmdb'
import { Etcd3 } from 'etcd3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findState } from './crash/found-state.ts'
import { type KillPlan, runAndKill } from './crash/killed-process.ts'
import { Ledger } from './crash/ledger.ts'
import type { SourceOptions } from './crash/operation-source.ts'
import { bundlePrograms, type Programs } from './crash/programs.ts'
import type { Report } from './crash/report.ts'
import { leaseKeys, type RevokerReport } from './crash/revoker-report.ts'
import { ServerClients } from './crash/server-clients.ts'
import type { WriterOptions } from './crash/writer-options.ts'
import { startOrrery } from './servers/orrery.ts'

const seed = Number(process.env['ORRERY_SEED'] ?? 20_261_121)

let programs: Programs
beforeAll(async () => {
  programs = await bundlePrograms()
})
afterAll(() => programs[Symbol.asyncDispose]())

/** Every sixth writer is killed while it opens the store, the others after few or many answers. */
function planOf(random: Random): KillPlan<Report> {
  if (random.below(6) === 0) return { after: 'opening', count: 1, delayMs: random.below(100) }
  const count = Math.floor(Math.exp(random.float() * Math.log(1_500)))
  return { after: 'answered', count, delayMs: random.below(15) }
}

/** Kills writer after writer on one directory. Each finds what those before it have left. */
async function killWriters(name: string, rounds: number, options: SourceOptions): Promise<Ledger['counts']> {
  const random = createRandom(seed).fork(name)
  // It stays when the test fails.
  const directory = await mkdtemp(join(tmpdir(), 'orrery-crash-'))
  await using ledger = new Ledger()
  for (let round = 0; round < rounds; round++) {
    const writer: WriterOptions = {
      ...options,
      directory,
      seed: random.uint32(),
      name: `${name} ${round}`,
      watchFrom: ledger.watchFrom,
      sessions: [{ close: false }],
    }
    for (const report of await runAndKill<Report>(programs.writer, JSON.stringify(writer), planOf(random))) {
      if (report.type === 'opened') await ledger.check(report.state, `${writer.name}, ${seed}, ${directory}`)
      else ledger.add(report)
    }
  }
  // What the last one has left, twice: neither opening nor closing changes anything.
  await ledger.check(await findState(directory), `${name}, end, ${directory}`)
  await ledger.check(await findState(directory), `${name}, closed, ${directory}`)
  expect(existsSync(join(directory, 'db/open'))).toBe(false)
  expect(await verifyLmdb(join(directory, 'db'))).toMatchObject({ intact: true })
  await rm(directory, { recursive: true })
  return ledger.counts
}

describe('a store whose process is killed again and again', () => {
  test.each(['first', 'second', 'third', 'fourth', 'fifth'])(
    'holds what was answered or seen, each write whole and once, and nothing that came after: %s life',
    async (name) => {
      const counts = await killWriters(name, 36, { keys: 40, valueMaxBytes: 100 })
      console.log(name, JSON.stringify(counts))
      // Crashes came in the middle of something, on both sides of its commit.
      for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0)
    },
  )

  test('does so with values that fill segments of its log', async () => {
    const counts = await killWriters('big values', 24, { keys: 40, valueMaxBytes: 65_536 })
    console.log(JSON.stringify(counts))
  })

  test('ends by itself a compaction that was interrupted between two of its steps', async () => {
    const random = createRandom(seed).fork('compaction')
    const directory = await mkdtemp(join(tmpdir(), 'orrery-crash-'))
    const hoard = 25_000
    const options = { directory, seed, keys: 40, valueMaxBytes: 100, hoard, sessions: [{ close: false }] }
    await using ledger = new Ledger()
    let interrupted = 0
    // How long it takes until the compaction is in the backend is the machine's: rounds wait longer and longer.
    for (let round = 0; round < 10 || (interrupted === 0 && round < 60); round++) {
      const writer = { ...options, name: String(round), watchFrom: ledger.watchFrom } satisfies WriterOptions
      const plan = { after: 'answered', count: hoard, delayMs: random.below(80 + 20 * round) } as const
      let compactionIndex = Infinity
      for (const report of await runAndKill<Report>(programs.writer, JSON.stringify(writer), plan)) {
        if (report.type === 'opened') {
          await ledger.check(report.state, `round ${round}, ${directory}`)
          compactionIndex = report.state.appliedIndex + hoard + 1
        } else ledger.add(report)
      }
      const { index, revisions } = await verifyLmdb(join(directory, 'db'))
      if (index >= compactionIndex && revisions > 1_000) interrupted++
    }
    await ledger.check(await findState(directory), `end, ${directory}`)
    expect(interrupted).toBeGreaterThan(0)
    await rm(directory, { recursive: true })
  })

  test('ends by itself the revocation of a lease that was interrupted between two of its steps', async () => {
    const random = createRandom(seed).fork('revocation')
    const directory = await mkdtemp(join(tmpdir(), 'orrery-crash-'))
    const interruptedAt = new Set<number>()
    for (let round = 0; round < 20; round++) {
      const plan = { after: 'revoking', count: 1, delayMs: random.below(15) } as const
      const reports = await runAndKill<RevokerReport>(programs.revoker, directory, plan)
      for (const report of reports) {
        if (report.type === 'refused') expect(report.code).toBe('MVCC_LEASE_NOT_FOUND')
        if (report.type !== 'found' || round === 0) continue
        const whole = report.leaseKeys === leaseKeys
        expect(report).toMatchObject(whole ? { leases: 1, keys: leaseKeys + 1 } : { leases: 0, keys: 1 })
        interruptedAt.add(report.leaseKeys)
      }
    }
    console.log(...interruptedAt)
    expect([...interruptedAt].some((keys) => keys > 0 && keys < leaseKeys)).toBe(true)
    await rm(directory, { recursive: true })
  })
})

test('a server that is killed under its clients keeps what it told them, and watches go on where they were', async () => {
  const random = createRandom(seed).fork('server')
  const directory = await mkdtemp(join(tmpdir(), 'orrery-crash-'))
  const clients = new ServerClients()
  for (let life = 0; life < 5; life++) {
    await using server = await startOrrery({ directory })
    const client = new Etcd3({ hosts: server.url })
    await clients.check(client)
    await clients.write(client, 50 + random.below(1_000), () => server.stop('SIGKILL'))
    client.close()
  }
  expect(clients.watched).toBeGreaterThan(0)
  await rm(directory, { recursive: true })
})
