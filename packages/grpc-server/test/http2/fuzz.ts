import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createRandom, type Random } from '@orrery/environment'
import { call } from '../support/raw-headers.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { startReferenceServer } from '../support/raw-reference.ts'
import { type RawServer, startRawServer } from '../support/raw-server.ts'
import { mutatedSession } from './fuzz/mutate.ts'
import { type FuzzTarget, type Observation, observe } from './fuzz/observe.ts'

/** What was tried. */
export interface FuzzReport {
  readonly sessions: number
  /** Sessions on which node:http2 had an opinion. */
  readonly compared: number
  /** Calls that were answered in sessions that were made wrong. */
  readonly answered: number
}

/** How long to try. */
export interface FuzzOptions {
  /** Batch n has the seed `seed + n`. */
  readonly seed: number
  /** Sessions of a batch, each on a connection of its own. */
  readonly batchSessions: number
  /** Whether there is time for another batch. */
  readonly goesOn: (batches: number) => boolean
}

/** Sessions that a batch runs side by side: its number is a multiple of it. */
const sessionsAtOnce = 10

/** Growth of the heap over the whole run that is not a leak. Unit: bytes. */
const heapGrowthMaxBytes = 32 * 1024 * 1024

/** Session after session, whatever their clients do: nobody else notices, and nothing stays. */
export async function fuzz({ seed, batchSessions, goesOn }: FuzzOptions): Promise<FuzzReport> {
  await using server = await startRawServer()
  const faults: unknown[] = []
  const onFault = (fault: unknown): void => void faults.push(fault)
  process.on('uncaughtException', onFault).on('unhandledRejection', onFault)
  const report = { sessions: 0, compared: 0, answered: 0 }
  let heapBytes: number | undefined
  try {
    for (let batch = 0; batch === 0 || goesOn(batch); batch++) {
      await replayable(seed + batch, async () => {
        // One for each batch, since it keeps sessions that went wrong.
        await using reference = await startReferenceServer()
        await using bystander = await server.start()
        await using otherBystander = await RawConnection.start({ port: reference.port })
        const targets = {
          ours: { port: server.port, bystander },
          theirs: { port: reference.port, bystander: otherBystander },
        }
        await runBatch({ seed: seed + batch, batchSessions, targets, report })
        assert.deepEqual(faults, [], 'nothing is thrown outside of a handler')
        await requireQuiet(server, bystander)
        const bytes = heapInUse()
        heapBytes ??= bytes
        assert(bytes < heapBytes + heapGrowthMaxBytes, 'the heap does not grow')
      })
    }
  } finally {
    process.off('uncaughtException', onFault).off('unhandledRejection', onFault)
  }
  return report
}

/** What is reachable. Unit: bytes. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc()')
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function replayable(seed: number, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (cause) {
    const command = `node --conditions=@orrery/source --import tsx packages/grpc-server/test/http2/fuzz.ts`
    throw new Error(`seed ${seed}; to replay it: ${command} --seconds 0 --seed ${seed}`, { cause })
  }
}

interface Batch {
  readonly seed: number
  readonly batchSessions: number
  readonly targets: { readonly ours: FuzzTarget; readonly theirs: FuzzTarget }
  readonly report: { sessions: number; compared: number; answered: number }
}

async function runBatch(batch: Batch): Promise<void> {
  const seeds = createRandom(batch.seed)
  for (let n = 0; n < batch.batchSessions; n += sessionsAtOnce) {
    const names = Array.from({ length: sessionsAtOnce }, (_, k) => `session ${n + k}`)
    await Promise.all(names.map((name) => runSession(name, seeds.fork(name), batch)))
  }
}

async function runSession(name: string, random: Random, { targets, report }: Batch): Promise<void> {
  const session = mutatedSession(random)
  const ours = await observe(session, targets.ours, random.fork('cuts'))
  const bytes = session.bytes.toString('hex')
  assert.deepEqual(ours.violations, [], `${name}: ${bytes}`)
  report.sessions += 1
  for (const { isEnded } of ours.streams.values()) if (isEnded) report.answered += 1
  if (!session.keepsFrames) return
  const theirs = await observe(session, targets.theirs, random.fork('cuts'))
  if (!isFine(theirs)) return
  report.compared += 1
  const difference = differenceOf(ours, theirs)
  assert.equal(difference, undefined, `${name}: ${ours.story} instead of ${theirs.story}: ${bytes}`)
}

/** Whether node:http2 answered all that it saw, and found no fault. */
function isFine({ isRefused, streams }: Observation): boolean {
  return (
    !isRefused &&
    streams.size > 0 &&
    [...streams.values()].every(({ isEnded, reset }) => isEnded && reset === '')
  )
}

/**
 * What node:http2 answers is answered.
 *
 * Known differences: it ignores what comes on closed streams (`STREAM_CLOSED` here), and goes on with a client that
 * has said that it leaves (the end without an error, and `REFUSED_STREAM`).
 */
function differenceOf(ours: Observation, theirs: Observation): string | undefined {
  if (ours.goAway === 'STREAM_CLOSED') return undefined
  if (ours.goAway !== undefined && ours.goAway !== 'NO_ERROR')
    return `the connection ends with ${ours.goAway}`
  for (const [id] of theirs.streams) {
    const { isEnded = false, reset = '' } = ours.streams.get(id) ?? {}
    const isLeft = ours.isRefused && reset === ''
    if (!isEnded && !isLeft && reset !== 'STREAM_CLOSED' && reset !== 'REFUSED_STREAM') {
      return `stream ${id} is not answered`
    }
  }
  return undefined
}

/** Shows that a healthy client is served, and that the sessions have left nothing. */
async function requireQuiet(server: RawServer, bystander: RawConnection): Promise<void> {
  const healthy = await server.start()
  healthy.write(call(1, 'Echo'))
  assert.equal((await healthy.answer(1)).grpcStatus, '0')
  await healthy.close()
  const stats = () => server.server.stats()
  for (let n = 0; n < 1_000 && stats().connections > 1; n++) await bystander.roundTrip()
  assert.equal(stats().connections, 1, 'connections are closed')
  assert.equal(stats().calls, 0, 'calls end with their connections')
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
  })
  const untilMs = performance.now() + Number(values.seconds) * 1_000
  const report = await fuzz({
    seed: Number(values.seed),
    batchSessions: 100,
    goesOn: () => performance.now() < untilMs,
  })
  console.log(report)
}

if (process.argv[1] === import.meta.filename) await main()
