import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Longest output that is kept. Unit: bytes. */
const outputMaxBytes = 64 * 1024 * 1024

/**
 * Runs a program that is required by these tests to its end.
 *
 * @returns its standard output
 * @throws Error with both outputs when it fails; one that names the Debian package when it does not exist
 */
export async function runProgram(
  program: { readonly name: string; readonly debianPackage: string },
  args: readonly string[],
): Promise<Buffer> {
  const { name, debianPackage } = program
  try {
    const options = { encoding: 'buffer', maxBuffer: outputMaxBytes, timeout: 60_000 } as const
    const { stdout } = await execute(name, [...args], options)
    return stdout
  } catch (cause) {
    const { code, stdout = '', stderr = '' } = cause as Failure
    if (code === 'ENOENT') {
      throw new Error(`these tests need the program "${name}": apt-get install ${debianPackage}`, { cause })
    }
    throw new Error(`${name} failed (${String(code)}):\n${String(stderr)}\n${String(stdout)}`, { cause })
  }
}

/** What `execFile` rejects with. */
interface Failure {
  readonly code?: number | string
  readonly stdout?: Buffer
  readonly stderr?: Buffer
}
