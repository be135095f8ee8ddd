import { verifyLmdb } from '@orrery/mvcc-lmdb'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { applyEntry } from './crash-story.ts'
import { contentsOf, freshPath, lineOf, metaOf, openBackend } from './support.ts'

/** Runs the story in a process of its own, and kills that when it has reported some durable indexes. */
async function runAndKill(path: string, reports: number): Promise<number> {
  const program = fileURLToPath(new URL('./crash-process.ts', import.meta.url))
  const args = ['--conditions=@orrery/source', '--import', 'tsx', program, path]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (output.split('\n').length > reports) child.kill('SIGKILL')
  })
  const signal = await new Promise((resolve) => {
    child.once('close', (_code, how) => {
      resolve(how)
    })
  })
  expect(signal).toBe('SIGKILL')
  const complete = output.slice(0, output.lastIndexOf('\n')).split('\n')
  return Number(complete.at(-1))
}

/** Revisions and named values after the entry with this index. */
function stateAt(index: number): { revisions: string[]; meta: [string, string][] } {
  const revisions = new Map<string, { main: number; sub: number; line: string }>()
  const meta = new Map<string, string>()
  for (let i = 1; i <= index; i++) {
    applyEntry(i, {
      put: (main, sub, tombstone, record) => {
        revisions.set(`${String(main)}/${String(sub)}`, {
          main,
          sub,
          line: lineOf(main, sub, tombstone, record),
        })
      },
      delete: (main, sub) => revisions.delete(`${String(main)}/${String(sub)}`),
      setMeta: (name, value) => {
        if (value === undefined) meta.delete(name)
        else meta.set(name, Buffer.from(value).toString())
      },
    })
  }
  const inOrder = [...revisions.values()].sort((a, b) => a.main - b.main || a.sub - b.sub)
  return {
    revisions: inOrder.map(({ line }) => line),
    meta: [...meta].sort(([a], [b]) => (a < b ? -1 : 1)),
  }
}

test('a killed process leaves the state at one seal, at least the last that it reported durable', async () => {
  const path = freshPath()
  for (const reports of [1, 25, 60]) {
    const reported = await runAndKill(path, reports)
    expect(existsSync(join(path, 'open'))).toBe(true)

    const backend = await openBackend(path, { verifyAfterUncleanShutdown: true })
    expect(backend.durableIndex).toBeGreaterThanOrEqual(reported)
    const { revisions, meta } = stateAt(backend.durableIndex)
    expect(contentsOf(backend)).toEqual(revisions)
    expect(metaOf(backend)).toEqual(meta)
    await backend.close()
    expect(await verifyLmdb(path)).toMatchObject({ intact: true, revisions: revisions.length })
  }
})
