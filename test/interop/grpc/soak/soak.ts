import { readFile, rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom } from '@orrery/environment'
import type { DefenceKind } from '@orrery/grpc-server'
import { memoryDirectory } from '../../servers/etcd.ts'
import { createAuthority } from '../certificates.ts'
import { patienceMs, pause, type SoakTarget } from './act.ts'
import { runLoad } from './load.ts'
import { type SoakedServer, startSoakedServer } from './soaked-server.ts'
import { type Rest, type Sample, violationsOf } from './verdict.ts'

/** How to soak. */
export interface SoakOptions {
  /** Decides what the clients choose; not what the network and the scheduler make of it. */
  readonly seed: number
  /** Unit: ms. */
  readonly durationMs: number
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** What was seen. */
export interface SoakReport {
  /** What the server did wrong. Empty: it has passed. */
  readonly violations: readonly string[]
  /** Every ten seconds of load. */
  readonly samples: readonly Sample[]
  /** Without load: before it, after its first part and at the end. */
  readonly rests: readonly Rest[]
  /** How often what happened. */
  readonly counts: ReadonlyMap<string, number>
  readonly defended: Readonly<Record<DefenceKind, number>>
}

/** Unit: ms. */
const sampleIntervalMs = 10_000

/** The first part of the load, after which everything has been built that is built once. Unit: ms. */
const firstPartMaxMs = 60_000

/** Violations that are told; more of them tell nothing more. */
const violationsMax = 50

/** Loads a server process with healthy and other clients, and judges what is left of it. */
export async function soak({ seed, durationMs, log, signal }: SoakOptions): Promise<SoakReport> {
  const directory = await memoryDirectory('soak')
  try {
    const authority = await createAuthority(directory, 'authority')
    const ca = await readFile(authority.cert)
    await using server = await startSoakedServer(await authority.issue('server'))
    const run = new Soak(server, { ...server, ca }, log)
    const firstMs = Math.min(firstPartMaxMs, durationMs / 2)
    const stop = signal ?? new AbortController().signal
    await run.rest('before')
    await run.load({ seed, durationMs: firstMs, signal: stop })
    await run.rest('after the first part')
    await run.load({ seed: seed + 1, durationMs: durationMs - firstMs, signal: stop })
    await run.rest('at the end')
    return await run.report()
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

class Soak {
  readonly #server: SoakedServer
  readonly #target: SoakTarget
  readonly #log: (line: string) => void
  readonly #startMs = performance.now()
  readonly #seen: string[] = []
  readonly #samples: Sample[] = []
  readonly #rests: Rest[] = []
  readonly #counts = new Map<string, number>()

  constructor(server: SoakedServer, target: SoakTarget, log: (line: string) => void) {
    this.#server = server
    this.#target = target
    this.#log = log
  }

  async load(part: {
    readonly seed: number
    readonly durationMs: number
    readonly signal: AbortSignal
  }): Promise<void> {
    const over = new AbortController()
    const stop = new AbortController()
    const sampling = this.#sampleUntil(over.signal)
    // A server that has ended needs no more load.
    sampling.catch(() => stop.abort())
    part.signal.addEventListener('abort', () => stop.abort())
    if (part.signal.aborted) stop.abort()
    await runLoad({
      ...part,
      signal: stop.signal,
      target: this.#target,
      random: createRandom(part.seed),
      count: (what) => this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1),
      onViolation: (violation) => {
        if (this.#seen.length < violationsMax) this.#seen.push(violation)
        this.#log(violation)
      },
    })
    over.abort()
    await sampling
  }

  /** Waits until nothing is left of the load, or it has been long enough. */
  async rest(when: string): Promise<void> {
    const allowed = this.#rests[0]?.descriptors ?? Number.POSITIVE_INFINITY
    const untilMs = performance.now() + patienceMs
    let sample = await this.#sample()
    const isQuiet = (): boolean =>
      sample.connections === 0 && sample.calls === 0 && sample.descriptors <= allowed
    while (!isQuiet() && performance.now() < untilMs) {
      await delay(200)
      sample = await this.#sample()
    }
    this.#rests.push({ ...sample, when })
    this.#log(`at rest ${when}: ${JSON.stringify(sample)}`)
  }

  async report(): Promise<SoakReport> {
    const { defended } = await this.#server.state()
    return {
      violations: [...new Set(this.#seen), ...violationsOf(this.#rests)],
      samples: this.#samples,
      rests: this.#rests,
      counts: this.#counts,
      defended,
    }
  }

  async #sampleUntil(over: AbortSignal): Promise<void> {
    const isOver = (): boolean => over.aborted
    while (!isOver()) {
      await pause(sampleIntervalMs, over)
      if (isOver()) return
      const sample = await this.#sample()
      this.#samples.push(sample)
      this.#log(JSON.stringify(sample))
    }
  }

  async #sample(): Promise<Sample> {
    const { residentBytes, heapBytes, connections, calls, connectionsTotal, callsTotal } =
      await this.#server.state()
    const descriptors = await this.#server.descriptors()
    const atSeconds = Math.round((performance.now() - this.#startMs) / 1_000)
    return {
      ...{ atSeconds, connections, calls, connectionsTotal, callsTotal },
      ...{ residentBytes, heapBytes, descriptors },
    }
  }
}
