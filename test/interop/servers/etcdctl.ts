import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { EtcdLikeServer } from './etcd.ts'

/** How long a command may wait for an expected output. Unit: ms. */
const patienceMs = 20_000

/** What a command printed, and how it ended. */
export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  /** Lines of standard error that are meant for people; the client's log is left out. */
  readonly errors: readonly string[]
}

/** A command that runs until it is stopped. */
export interface RunningCommand {
  /** Everything on standard output so far. */
  output(): string
  /** Types a line. */
  type(line: string): void
  /** Types the last of its input, and closes it. */
  finishInput(input: string): void
  /** Waits until standard output contains `text`. */
  until(text: string): Promise<void>
  /** Sends it a signal and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<CommandResult>
  /** Waits for its end. */
  end(): Promise<CommandResult>
}

/** Starts the unmodified `etcdctl` against a server. */
export function startEtcdctl(
  server: Pick<EtcdLikeServer, 'endpoint'>,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): RunningCommand {
  const child = spawn('etcdctl', [`--endpoints=${server.endpoint}`, ...args], {
    env: { ...process.env, ETCDCTL_API: '3', ...environment },
  })
  let stdout = ''
  let stderr = ''
  let failure: Error | undefined
  child.on('error', (cause) => {
    failure = new Error('these tests need etcdctl: apt-get install etcd-client', { cause })
  })
  // Who refuses at once reads no input.
  child.stdin.on('error', () => undefined)
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = once(child, 'close')
  const end = async (): Promise<CommandResult> => {
    await closed.catch(() => undefined)
    if (failure !== undefined) throw failure
    const errors = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{"level"'))
    return { exitCode: child.exitCode ?? -1, stdout, errors }
  }
  return {
    output: () => stdout,
    type: (line) => {
      child.stdin.write(`${line}\n`)
    },
    finishInput: (input) => {
      child.stdin.end(input)
    },
    until: async (text) => {
      const deadline = AbortSignal.timeout(patienceMs)
      while (!stdout.includes(text)) {
        try {
          await Promise.race([once(child.stdout, 'data', { signal: deadline }), closed])
        } catch (cause) {
          throw new Error(
            `etcdctl ${args.join(' ')} did not print ${JSON.stringify(text)}:\n${stdout}${stderr}`,
            {
              cause,
            },
          )
        }
        if (child.exitCode !== null && !stdout.includes(text)) {
          throw new Error(`etcdctl ${args.join(' ')} ended without printing ${text}:\n${stdout}${stderr}`)
        }
      }
    },
    stop: (signal = 'SIGINT') => {
      child.kill(signal)
      return end()
    },
    end,
  }
}

/** Runs `etcdctl` to its end. */
export function etcdctl(
  server: Pick<EtcdLikeServer, 'endpoint'>,
  args: readonly string[],
  input = '',
): Promise<CommandResult> {
  const command = startEtcdctl(server, args)
  command.finishInput(input)
  return command.end()
}
