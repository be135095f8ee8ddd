import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { builtProgram } from './built-program.ts'
import { endWithThisProcess } from './child-process.ts'
import type { PollsAnswered, PollTask } from './config-polls-client.ts'
import type { PollServerState } from './config-polls-server.ts'
import { cpuTimeUs, residentBytes } from './process-usage.ts'
import { alternate, median, type Row, type Scenario } from './report.ts'
import { startServer } from './servers.ts'

const polls = 10_000
/** Rounds that are counted, after two that are not. */
const rounds = 15
/** Of each side, one after the other. */
const servers = 5
/** So long a process may do what it has put off, and give back what it does not need any more. */
const settleMs = 500
const goals = { time: 1.5, residentBytes: 1_024 }

/** Long-polls of the configuration hub's API over HTTP, beside a Fastify handler that keeps its replies until it is told to answer. */
export const configPolls: Scenario = {
  name: 'config-polls',
  run: async () => [...(await answers()), ...(await memory())],
}

/** A server with as many connections as there are to be polls, and none pending. */
interface Side {
  readonly pids: readonly number[]
  /** Has a poll pending on each connection. */
  poll(): Promise<void>
  release(text: string): Promise<PollsAnswered>
  memory(): Promise<Memory>
  stop(): void
}

/** Of the server, without garbage. */
interface Memory {
  readonly residentBytes: number
  readonly heapBytes: number
}

/** What the rounds of one side took. */
interface Seen {
  readonly ms: number[]
  /** Of the server, for each answer. */
  readonly cpuUs: number[]
}

async function answers(): Promise<readonly Row[]> {
  const [ours, bare] = [await open('hub'), await open('bare')]
  let release = 0
  /** What ours has answered last: the bare one answers the same. */
  let answer = ''
  const seen: Record<'ours' | 'bare', Seen> = { ours: { ms: [], cpuUs: [] }, bare: { ms: [], cpuUs: [] } }
  const releaseOurs = async (): Promise<number> => {
    const { tookMs, text } = await measured(ours, contentOf(++release), seen.ours)
    answer = text
    return tookMs
  }
  const releaseBare = async (): Promise<number> => (await measured(bare, answer, seen.bare)).tookMs
  await alternate(2, releaseOurs, releaseBare)
  for (const { ms, cpuUs } of Object.values(seen)) ms.length = cpuUs.length = 0
  const { a, b, ratio } = await alternate(rounds, releaseOurs, releaseBare)
  ours.stop()
  bare.stop()
  const cpuRatio = median(seen.ours.cpuUs.map((own, at) => own / (seen.bare.cpuUs[at] ?? Number.NaN)))
  const bytes = Buffer.byteLength(answer)
  return [
    {
      what: `a release with 10,000 long-polls pending over loopback, a connection each, store in memory: until the last answer of ${bytes} B is read, beside Fastify that answers the same from a list of replies`,
      ours: `${a.toFixed(0)} ms (fastest ${Math.min(...seen.ours.ms).toFixed(0)} ms), ${ratio.toFixed(2)} x`,
      goal: `<= ${goals.time} x`,
      peer: `${b.toFixed(0)} ms (fastest ${Math.min(...seen.bare.ms).toFixed(0)} ms)`,
      reached: ratio <= goals.time,
    },
    {
      what: 'the same: processor time of the server for an answer',
      ours: `${median(seen.ours.cpuUs).toFixed(0)} us, ${cpuRatio.toFixed(2)} x`,
      peer: `${median(seen.bare.cpuUs).toFixed(0)} us`,
    },
  ]
}

/** One round of one side. */
async function measured(side: Side, text: string, { ms, cpuUs }: Seen): Promise<PollsAnswered> {
  await side.poll()
  await wait(settleMs)
  const before = cpuTimeUs(side.pids)
  const answered = await side.release(text)
  ms.push(answered.tookMs)
  // What is left to do after the answers counts as well.
  await wait(settleMs)
  cpuUs.push((cpuTimeUs(side.pids) - before) / polls)
  return answered
}

async function memory(): Promise<readonly Row[]> {
  const ours: Memory[] = []
  const bare: Memory[] = []
  for (let nth = 0; nth < servers; nth++) {
    ours.push(await memoryOf('hub'))
    bare.push(await memoryOf('bare'))
  }
  const each = (memories: readonly Memory[], of: keyof Memory): number =>
    median(memories.map((memory) => memory[of])) / polls
  const above = (of: keyof Memory): number => each(ours, of) - each(bare, of)
  const cells = (of: keyof Memory): Pick<Row, 'ours' | 'peer'> => ({
    ours: `${above(of).toFixed(0)} B (${each(ours, of).toFixed(0)} B)`,
    peer: `${each(bare, of).toFixed(0)} B`,
  })
  return [
    {
      what: '10,000 pending long-polls: resident memory for each, without its connection, above that of Fastify with a list of replies',
      ...cells('residentBytes'),
      goal: `<= ${goals.residentBytes} B`,
      reached: above('residentBytes') <= goals.residentBytes,
    },
    { what: 'the same: heap and external memory in use', ...cells('heapBytes') },
  ]
}

/** What polls take that are pending, in a server that has just been started. */
async function memoryOf(kind: 'hub' | 'bare'): Promise<Memory> {
  const side = await open(kind)
  const before = await side.memory()
  await side.poll()
  const after = await side.memory()
  side.stop()
  return {
    residentBytes: after.residentBytes - before.residentBytes,
    heapBytes: after.heapBytes - before.heapBytes,
  }
}

async function open(kind: 'hub' | 'bare'): Promise<Side> {
  const program = await builtProgram('bench/suite/config-polls-server.ts')
  // What stands before the program is for Node.
  const server = await startServer('--expose-gc', [program, kind])
  const { endpoint, pids } = server
  const client = startClient()
  const state = async (): Promise<PollServerState> =>
    (await (await fetch(`http://${endpoint}/state`)).json()) as PollServerState
  await client.perform({ type: 'connect', endpoint, connections: polls })
  return {
    pids,
    poll: async () => {
      await client.perform({ type: 'poll' })
      while ((await state()).pending < polls) await wait(100)
    },
    release: async (text) => await client.perform({ type: 'release', text }),
    memory: async () => {
      await state()
      await wait(settleMs)
      const { heapBytes } = await state()
      return { heapBytes, residentBytes: residentBytes(pids) }
    },
    stop: () => {
      client.stop()
      server.stop()
    },
  }
}

/** Starts a client, which has as many files open as the server. */
function startClient(): {
  readonly perform: (task: PollTask) => Promise<PollsAnswered>
  readonly stop: () => void
} {
  const child = fork('bench/suite/config-polls-client.ts', { execArgv: ['--import', 'tsx'] })
  endWithThisProcess(child)
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the client has ended')))
  // Once it is stopped, nobody waits for it.
  failed.catch(() => {})
  return {
    perform: async (task) => {
      const answer = once(child, 'message')
      child.send(task)
      const [result] = (await Promise.race([answer, failed])) as [PollsAnswered]
      return result
    },
    stop: () => child.kill('SIGKILL'),
  }
}

/** Configuration of 4 KB that differs each time. */
function contentOf(n: number): string {
  const lines = Array.from({ length: 160 }, (_, line) => `limits.requests.${line}=${n + line}\n`)
  return lines.join('').slice(0, 4_096)
}
