import { type Wal, type WalDependencies, type WalOptions, openWal } from '@orrery/wal'
import type { SimulatedDisk } from '@orrery/wal/testing'

export const directory = '/wal'

/** Segments so small that a few entries fill one. */
export const tiny: WalOptions = { segmentMaxBytes: 520, recordMaxBytes: 256, preallocateBytes: 520 }

export function open(
  disk: SimulatedDisk,
  options: WalOptions = tiny,
  callbacks: Partial<Pick<WalDependencies, 'onDurable' | 'onFailure' | 'logger' | 'defer'>> = {},
): Promise<Wal> {
  return openWal({ disk, directory, ...callbacks }, options)
}

export const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/** All entries from an index on, as `index:payload`. */
export async function contents(wal: Wal, fromIndex = wal.firstIndex): Promise<string[]> {
  const found: string[] = []
  for await (const batch of wal.read(fromIndex)) {
    for (const { index, payload } of batch) found.push(`${index}:${new TextDecoder().decode(payload)}`)
  }
  return found
}

/** Paths of the files that are part of the log. */
export function segmentsOf(disk: SimulatedDisk): string[] {
  return [...disk.files().keys()].filter((path) => path.endsWith('.wal')).sort()
}

/** Promise jobs are all that a simulated disk needs: lets all that are due run. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  return undefined
}
