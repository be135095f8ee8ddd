import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Servers that would outlive these tests if an error ended them. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** How much of a server's output is kept for the report of a failure. Unit: characters. */
const outputMaxLength = 20_000

/** A server process that belongs to a test. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number
  /** The last part of what it wrote to both outputs. */
  output(): string
  /** Resolves with the first line of standard output that starts with `prefix`. */
  line(prefix: string): Promise<string>
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
  /** Ends it with `signal` and waits. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Starts a program that is required by these tests.
 *
 * @throws Error that names the Debian package to install, when the program does not exist
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: { readonly debianPackage?: string; readonly cwd?: string } = {},
): Promise<ServerProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: options.cwd })
  try {
    await once(child, 'spawn')
  } catch (cause) {
    const remedy = options.debianPackage === undefined ? '' : `: apt-get install ${options.debianPackage}`
    throw new Error(`these tests need the program "${command}"${remedy}`, { cause })
  }
  return superviseProcess(child)
}

function superviseProcess(child: ChildProcess): ServerProcess {
  let output = ''
  let partial = ''
  const lines: string[] = []
  const waiting = new Set<() => void>()
  running.add(child)
  const keep = (text: string): void => {
    output = (output + text).slice(-outputMaxLength)
  }
  child.stderr?.setEncoding('utf8').on('data', keep)
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    keep(text)
    const parts = (partial + text).split('\n')
    partial = parts.pop() ?? ''
    lines.push(...parts)
    for (const check of waiting) check()
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      running.delete(child)
      resolve()
    })
  })

  const line = (prefix: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = lines.find((text) => text.startsWith(prefix))
        if (found === undefined) return
        waiting.delete(check)
        resolve(found)
      }
      waiting.add(check)
      check()
      void ended.then(() => {
        reject(new Error(`the process ended without a line "${prefix}…":\n${output}`))
      })
    })

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
  }
  return {
    pid: child.pid ?? 0,
    output: () => output,
    line,
    ended,
    stop,
    [Symbol.asyncDispose]: () => stop('SIGKILL'),
  }
}
