import type { LmdbBackend, LmdbBackendOptions } from '@orrery/mvcc-lmdb'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import type { ManualEnvironment } from '@orrery/environment/testing'
import { createManualEnvironment } from '@orrery/environment/testing'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

const roots: string[] = []
const opened: LmdbBackend[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()))
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})

/** A path in a fresh directory that is removed after the test. Nothing exists there yet. */
export function freshPath(): string {
  const root = mkdtempSync(join(tmpdir(), 'orrery-mvcc-lmdb-'))
  roots.push(root)
  return join(root, 'backend')
}

/** A backend under a clock that stands still; closed after the test. */
export async function openBackend(
  path: string,
  options: LmdbBackendOptions = {},
  environment: ManualEnvironment = createManualEnvironment(),
): Promise<LmdbBackend> {
  const backend = await openLmdbBackend({ path, environment }, options)
  opened.push(backend)
  return backend
}

/** A record that tells which revision it is of. */
export function recordOf(main: number, sub = 0, length = 40): Uint8Array {
  const text = `${String(main)}/${String(sub)}`
  const record = new Uint8Array(Math.max(length, text.length)).fill(0x2e)
  for (let i = 0; i < text.length; i++) record[i] = text.charCodeAt(i)
  return record
}

/** Everything a backend says, in a form that can be compared. */
export function contentsOf(backend: LmdbBackend, fromMain = 0, fromSub = 0): string[] {
  const lines: string[] = []
  backend.scan(fromMain, fromSub, (main, sub, tombstone, record) => {
    lines.push(lineOf(main, sub, tombstone, record))
    return true
  })
  return lines
}

/** One revision, as {@link contentsOf} shows it. */
export function lineOf(main: number, sub: number, tombstone: boolean, record: Uint8Array): string {
  return `${String(main)}/${String(sub)}${tombstone ? 't' : ''} ${Buffer.from(record).toString('hex')}`
}

/** All named values with a prefix, in the order in which the backend visits them. */
export function metaOf(backend: LmdbBackend, prefix = ''): [string, string][] {
  const all: [string, string][] = []
  backend.scanMeta(prefix, (name, value) => all.push([name, Buffer.from(value).toString('latin1')]))
  return all
}
