import { execFile } from 'node:child_process'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file system of its own that runs full soon. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  resize(mebibytes: number): Promise<void>
}

/** @throws Error when it may not be mounted: a test that cannot fill a disk must not pass */
export async function mountSmallDisk(mebibytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'orrery-small-disk-'))
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'orrery-test', path])
  } catch (cause) {
    await rmdir(path)
    throw new Error('these tests mount a tmpfs, which needs root', { cause })
  }
  return {
    path,
    resize: async (to) => {
      await run('mount', ['-o', `remount,size=${to}m`, path])
    },
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['--lazy', path])
      await rmdir(path)
    },
  }
}
