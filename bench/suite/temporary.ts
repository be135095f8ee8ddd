import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `use` with the path of an empty directory, and removes it afterwards. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The i-th of a set of keys of 16 bytes, in an order that is not that of the keys. */
export function scatteredKey(i: number, keys: number): string {
  return `key${String((i * 7_919) % keys).padStart(13, '0')}`
}
