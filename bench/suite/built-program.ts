import { basename, dirname, join } from 'node:path'
import { build } from 'esbuild'

/**
 * Compiles a program of this repository, so that a server under measurement does not carry a compiler, into the
 * `dist` beside the folder of its source. It runs on the built packages.
 *
 * @param source path from the root of the repository, for example `bench/suite/empty-server.ts`
 * @returns path of the program
 */
export async function builtProgram(source: string): Promise<string> {
  const program = join(dirname(dirname(source)), 'dist', `${basename(source, '.ts')}.js`)
  await build({
    entryPoints: [source],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
  return program
}
