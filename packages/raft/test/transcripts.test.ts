import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { replay } from './support/transcript.ts'

const folder = new URL('scenarios/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

// `npx vitest run -u packages/raft/test/transcripts.test.ts` records anew.
test.each(names)('%s', async (name) => {
  const path = new URL(name, folder)
  await expect(replay(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path.pathname)
})
