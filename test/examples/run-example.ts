import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Starts an example as its reader would, in a directory of its choice. */
export function startExample(name: string, cwd: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const main = fileURLToPath(new URL(`../../examples/${name}/src/main.ts`, import.meta.url))
  return spawn(
    process.execPath,
    ['--conditions=@orrery/source', '--import', import.meta.resolve('tsx'), main],
    { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
}

/** Runs an example to its end; gives what it printed. */
export async function runExample(name: string, cwd: string): Promise<string> {
  const process = startExample(name, cwd)
  let output = ''
  process.stdout?.on('data', (text) => (output += String(text)))
  const code = await new Promise((resolve) => process.once('close', resolve))
  if (code !== 0) throw new Error(`${name} exited with ${String(code)}`)
  return output
}
