import { createRandom } from '@orrery/environment'
import type { EtcdLikeServer } from '../servers/etcd.ts'
import { type Coverage, createCoverage } from './coverage.ts'
import { connect } from './endpoint.ts'
import { type LaneResult, runLane } from './lane.ts'
import type { Pair } from './pair.ts'
import { shrink } from './shrink.ts'
import { printable } from './wire.ts'

export interface DifferentialOptions {
  readonly seed: number
  /** How many operations to compare, over all lanes; operations within txns count each. */
  readonly operations: number
  /** Pairs of servers that work side by side. */
  readonly lanes: number
  /** Whether a failure is reduced before it is reported. */
  readonly shrink: boolean
  readonly startA: () => Promise<EtcdLikeServer>
  readonly startB: () => Promise<EtcdLikeServer>
  readonly log?: (line: string) => void
}

export interface DifferentialReport {
  readonly operations: number
  readonly requests: number
  readonly coverage: Coverage
  readonly summary: string
  /** What to read when the servers differ. */
  readonly failure?: string
}

/** Runs all lanes and reports the first difference. */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialReport> {
  const { seed, lanes, log = () => {} } = options
  const coverage = createCoverage()
  const startedMs = performance.now()
  const perLane = options.operations / lanes
  let stopped = false
  let epitaph = ''
  const run = async (lane: number): Promise<LaneResult> => {
    const opened = await openPair(options)
    try {
      const result = await runLane({
        pair: opened.pair,
        seed: laneSeed(seed, lane),
        coverage,
        goOn: (operations) => !stopped && operations < perLane,
      })
      if (result.failed !== undefined) {
        stopped = true
        epitaph = opened.epitaph()
      }
      return result
    } finally {
      await opened.close()
    }
  }
  const results = await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)))
  const seconds = (performance.now() - startedMs) / 1000
  const operations = results.reduce((sum, result) => sum + result.operations, 0)
  const requests = results.reduce((sum, result) => sum + result.requests, 0)
  const rounds = results.reduce((sum, result) => sum + result.rounds, 0)
  const summary = `seed ${seed}: ${operations} operations in ${requests} requests and ${rounds} rounds, ${seconds.toFixed(1)} s`
  const lane = results.findIndex((result) => result.failed !== undefined)
  const failed = results[lane]?.failed
  if (failed === undefined) return { operations, requests, coverage, summary }
  const { round, result } = failed
  log(`the servers differ at seed ${seed}, lane ${lane}, round ${round}, step ${result.steps.length}`)
  const failure = [
    `seed ${seed}, lane ${lane}, round ${round}, step ${result.steps.length}: ${result.mismatch?.message ?? ''}`,
    epitaph,
    options.shrink ? await describeShrunk(options, result) : '',
  ].join('\n')
  return { operations, requests, coverage, summary, failure }
}

function laneSeed(seed: number, lane: number): number {
  return createRandom(seed).fork(`lane ${lane}`).uint32()
}

interface OpenPair {
  readonly pair: Pair
  /** What servers said that ended by themselves. */
  epitaph(): string
  close(): Promise<void>
}

async function openPair(options: DifferentialOptions): Promise<OpenPair> {
  const [a, b] = await startBoth(options)
  const nameOf = (server: EtcdLikeServer, other: EtcdLikeServer, suffix: string): string =>
    server.name === other.name ? `${server.name} ${suffix}` : server.name
  const pair = { a: connect(nameOf(a, b, 'A'), a.endpoint), b: connect(nameOf(b, a, 'B'), b.endpoint) }
  const ended = new Set<EtcdLikeServer>()
  for (const server of [a, b]) void server.process.ended.then(() => ended.add(server))
  return {
    pair,
    epitaph: () => [...ended].map((server) => `${server.name} ended:\n${server.process.output()}`).join('\n'),
    close: async () => {
      pair.a.close()
      pair.b.close()
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()])
    },
  }
}

/** When one does not start, the other does not stay behind. */
async function startBoth(
  options: Pick<DifferentialOptions, 'startA' | 'startB'>,
): Promise<readonly [EtcdLikeServer, EtcdLikeServer]> {
  const [a, b] = await Promise.allSettled([options.startA(), options.startB()])
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value]
  for (const each of [a, b]) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]()
  throw [a, b].find((each) => each.status === 'rejected')?.reason
}

async function describeShrunk(
  options: DifferentialOptions,
  failed: Parameters<typeof shrink>[0],
): Promise<string> {
  let opened: OpenPair | undefined
  const shortest = await shrink(failed, async () => {
    await opened?.close()
    opened = await openPair(options)
    return opened.pair
  })
  await opened?.close()
  if (shortest === undefined) return 'the round does not fail when it is replayed on fresh servers'
  const steps = shortest.steps.map((step, index) => `${index + 1}. ${printable(step)}`)
  return ['shortest round found:', ...steps, shortest.mismatch?.message ?? ''].join('\n')
}
