import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startProcess } from '../servers/child.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const program = 'packages/grpc-server/test/http2/fuzz.ts'

/** Batches from here on: those of the package's own tests are others. */
const seed = 1_000_000
/** Unit: s. */
const duration = 30

test('half a minute of sessions that were made wrong harms nobody', async () => {
  await using fuzzer = await startProcess(
    process.execPath,
    [
      ...['--conditions=@orrery/source', '--import', 'tsx', program],
      ...['--seconds', String(duration), '--seed', String(seed)],
    ],
    { cwd: repository },
  )
  await fuzzer.ended
  // The report comes last, and only when nothing was found.
  const { sessions, answered } = /sessions: (?<sessions>\d+).*answered: (?<answered>\d+)/.exec(
    fuzzer.output(),
  )?.groups ?? { sessions: undefined, answered: undefined }
  // Or nothing was tried.
  expect(Number(sessions), fuzzer.output()).toBeGreaterThan(100)
  expect(Number(answered), fuzzer.output()).toBeGreaterThan(50)
})
