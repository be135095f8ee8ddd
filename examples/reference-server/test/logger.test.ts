import { describe, expect, test } from 'vitest'
import { createLogger } from '../src/logger.ts'

/** What a line of the log says. */
function logged(write: (logger: ReturnType<typeof createLogger>) => void): unknown {
  const lines: string[] = []
  write(createLogger('info', { write: (line) => void lines.push(line) }))
  return JSON.parse(lines.join(''))
}

describe('the log of the server', () => {
  test('says of an error what it is called, its code, its message, where it was thrown and what caused it', () => {
    const cause = new Error('ENOSPC: no space left on device')
    const error = Object.assign(new TypeError('the disk has failed', { cause }), { code: 'WAL_FAILED' })
    expect(logged((logger) => logger.error('the store has failed', { error }))).toMatchObject({
      msg: 'the store has failed',
      error: {
        type: 'TypeError',
        code: 'WAL_FAILED',
        message: 'the disk has failed: ENOSPC: no space left on device',
        stack: expect.stringMatching(/logger\.test\.ts[^]*caused by: Error: ENOSPC/) as unknown,
      },
    })
  })

  test('says what else was thrown as it is', () => {
    expect(logged((logger) => logger.warn('failed', { error: 'a text' }))).toMatchObject({ error: 'a text' })
  })
})
