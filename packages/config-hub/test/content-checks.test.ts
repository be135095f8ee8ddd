import { createManualEnvironment } from '@orrery/environment/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ContentChecks } from '../src/content-checks.ts'

/** What takes some turns of the event loop to check. */
const longYaml = Array.from(
  { length: 2_000 },
  (_, n) => `service-${n}: {host: example.org, port: ${n}}\n`,
).join('')
const longToml = Array.from({ length: 2_000 }, (_, n) => `[service-${n}]\nhost = "example.org"\n`).join('')

function scriptOf(text: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`)
}

const silent = scriptOf(
  `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {})`,
)
/** Of a kind that no thread may be started from: to create one throws at once, as it does where the process may not have any. */
const forbidden = new URL('https://example.org/content-worker.js')
const broken = scriptOf(`throw new Error('no such module')`)
const failing = scriptOf(
  `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('too much') })`,
)

let checks: ContentChecks
let { logger } = createManualEnvironment()
function create(script?: URL): ContentChecks {
  return (checks = new ContentChecks(logger, script))
}
beforeEach(() => {
  logger = createManualEnvironment().logger
})
afterEach(() => checks.close())

describe('a content', () => {
  test.each([
    ['yaml', 'a: 1\n'],
    ['toml', 'a = 1\n'],
    ['json', `[${'1,'.repeat(50_000)}1]`],
    ['text', 'x'.repeat(100_000)],
  ] as const)(
    'that is short, or of a format that is read quickly, is checked at once: %s',
    (format, content) => {
      expect(create(broken).check(content, format)).toBeUndefined()
    },
  )

  test('that is short and not of its format is refused at once', () => {
    expect(() => create(broken).check('a: [\n', 'yaml')).toThrow(
      expect.objectContaining({ code: 'CONFIG_CONTENT_INVALID', line: 2, column: 1 }) as Error,
    )
  })

  test.each([
    ['yaml', longYaml],
    ['toml', longToml],
  ] as const)('that is long is checked while the event loop goes on: %s', async (format, content) => {
    const checking = create().check(content, format)
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns++
      if (!isOver) setImmediate(count)
    }
    count()
    await checking
    isOver = true
    expect(turns).toBeGreaterThan(1)
    expect(logger.lines).toEqual([])
  })

  test('that is long and not of its format is refused with its place, others are not', async () => {
    create()
    const results = await Promise.allSettled([
      checks.check(`${longYaml}a: [\n`, 'yaml'),
      checks.check(longYaml, 'yaml'),
      checks.check(`${longToml}a = \n`, 'toml'),
    ])
    const refused = { code: 'CONFIG_CONTENT_INVALID' }
    expect(results).toMatchObject([
      { status: 'rejected', reason: { ...refused, line: 2_002, column: 1 } },
      { status: 'fulfilled' },
      { status: 'rejected', reason: { ...refused, line: 4_001, column: 5 } },
    ])
  })
})

describe('the thread', () => {
  test.each([
    ['may not be started', forbidden],
    ['ends at once', broken],
    ['fails', failing],
  ])('is done without, when it %s', async (_, script) => {
    create(script)
    const results = await Promise.allSettled([
      checks.check(`${longYaml}a: [\n`, 'yaml'),
      checks.check(longYaml, 'yaml'),
    ])
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'CONFIG_CONTENT_INVALID', line: 2_002 } },
      { status: 'fulfilled' },
    ])
    expect(checks.check(longYaml, 'yaml')).toBeUndefined()
    expect(logger.lines.map(({ level }) => level)).toEqual(['warn'])
  })

  test('is given no more than a bound', async () => {
    create(silent)
    const largest = ' '.repeat(1_048_576)
    const waiting = Promise.allSettled(
      Array.from({ length: 32 }, async () => {
        await checks.check(largest, 'yaml')
      }),
    )
    await expect(checks.check(largest, 'yaml')).rejects.toMatchObject({ code: 'CONFIG_OVERLOADED' })
    await checks.close()
    for (const result of await waiting) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CONFIG_CLOSED' } })
    }
    expect(logger.lines).toEqual([])
  })
})
