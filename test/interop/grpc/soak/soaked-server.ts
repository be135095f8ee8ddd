import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { IdentityFiles } from '../certificates.ts'
import type { ServerReady, ServerState } from './server-report.ts'

/** The server process, as the soak sees it. */
export interface SoakedServer extends ServerReady, AsyncDisposable {
  /** Asks it. @throws Error with its output when it has ended */
  state(): Promise<ServerState>
  /** File descriptors that it holds, as the system counts them. */
  descriptors(): Promise<number>
  /** Resolves with its output when it has ended. */
  readonly ended: Promise<string>
}

/** How much of its output is kept. Unit: characters. */
const outputMaxLength = 20_000

/** Starts the server process from its sources. */
export async function startSoakedServer({ cert, key }: IdentityFiles): Promise<SoakedServer> {
  const program = fileURLToPath(new URL('server-process.ts', import.meta.url))
  const child = fork(program, [cert, key], {
    execArgv: ['--expose-gc', '--conditions=@orrery/source', '--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-outputMaxLength)
    })
  }
  const ended = once(child, 'close').then(() => output)
  const failed = ended.then(() => Promise.reject(new Error(`the server process ended:\n${output}`)))
  // Whoever asks hears of it; that nobody asks at the moment is no fault.
  failed.catch(() => undefined)
  const next = async (): Promise<unknown> => {
    const [answer] = (await Promise.race([once(child, 'message'), failed])) as [unknown]
    return answer
  }

  const ready = (await next()) as ServerReady
  return {
    ...ready,
    ended,
    state: () => {
      const answer = next()
      if (child.connected) child.send('state')
      return answer as Promise<ServerState>
    },
    descriptors: async () => (await readdir(`/proc/${child.pid ?? 0}/fd`)).length,
    [Symbol.asyncDispose]: async () => {
      kill()
      await ended
      process.off('exit', kill)
    },
  }
}
