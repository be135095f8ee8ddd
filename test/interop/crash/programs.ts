import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

/** The programs that are killed, ready to be started often. */
export interface Programs extends AsyncDisposable {
  readonly writer: string
  readonly revoker: string
}

/** Bundles the programs and the workers that they start: a process that is killed soon must start fast. */
export async function bundlePrograms(): Promise<Programs> {
  const directory = await mkdtemp(join(tmpdir(), 'orrery-programs-'))
  await build({
    absWorkingDir: repository,
    // The workers keep their names: they are found beside the bundle.
    entryPoints: [
      'test/interop/crash/writer.ts',
      'test/interop/crash/revoker.ts',
      'packages/wal/src/disk-worker.js',
      'packages/mvcc-lmdb/src/lmdb-worker.js',
    ],
    entryNames: '[name]',
    outdir: directory,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@orrery/source'],
    external: ['lmdb'],
    logLevel: 'warning',
  })
  await symlink(join(repository, 'node_modules'), join(directory, 'node_modules'))
  await writeFile(join(directory, 'package.json'), '{"type":"module"}')
  return {
    writer: join(directory, 'writer.js'),
    revoker: join(directory, 'revoker.js'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}
