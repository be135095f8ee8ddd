import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseHeartbeatBatch, parseHeartbeatReply } from '../src/health/forwarding-messages.ts'

const batch = { from: 'm', life: 'x.1', sequence: 1, ringRevision: 3, beats: ['a/b/c'], isLast: false }

describe('a batch from the network', () => {
  test('comes through as it was sent, without what is not known', () => {
    const sent: unknown = JSON.parse(JSON.stringify({ ...batch, more: 1 }))
    expect(parseHeartbeatBatch(sent)).toEqual(batch)
  })

  test('may have 10 000 beats', () => {
    const beats = Array.from({ length: 10_000 }, (_, n) => `a/b/${n}`)
    expect(parseHeartbeatBatch({ ...batch, beats }).beats).toHaveLength(10_000)
  })

  test.each([
    ['nothing', undefined, 'batch'],
    ['an array', [], 'batch'],
    ['a sender without a name', { ...batch, from: '' }, 'from'],
    ['a sender with a long name', { ...batch, from: 'm'.repeat(129) }, 'from'],
    ['a life that is a number', { ...batch, life: 1 }, 'life'],
    ['a sequence of 0', { ...batch, sequence: 0 }, 'sequence'],
    ['a sequence that is no integer', { ...batch, sequence: 1.5 }, 'sequence'],
    ['a negative revision', { ...batch, ringRevision: -1 }, 'ringRevision'],
    ['beats that are text', { ...batch, beats: 'a/b/c' }, 'beats'],
    ['too many beats', { ...batch, beats: Array.from({ length: 10_001 }, () => 'a') }, 'beats'],
    ['a beat that is a number', { ...batch, beats: [1] }, 'beats'],
    ['a hole among the beats', { ...batch, beats: new Array(1) }, 'beats'],
    ['a long beat', { ...batch, beats: ['a'.repeat(2_049)] }, 'beats'],
    ['no word on whether it is the last', { ...batch, isLast: undefined }, 'isLast'],
  ])('is refused with %s', (_, value, field) => {
    expect(() => parseHeartbeatBatch(value)).toThrow(
      expect.objectContaining({
        code: 'REGISTRY_INVALID',
        message: expect.stringContaining(`: ${field}: `) as string,
      }),
    )
  })

  test('is refused or read, whatever it is, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.record({ beats: fc.anything(), refused: fc.anything() })),
        (value) => {
          for (const parse of [parseHeartbeatBatch, parseHeartbeatReply]) {
            try {
              parse(value)
            } catch (error) {
              expect(error).toMatchObject({ code: 'REGISTRY_INVALID' })
            }
          }
        },
      ),
    )
  })
})

describe('a reply from the network', () => {
  test('comes through as it was sent', () => {
    expect(parseHeartbeatReply({ ringRevision: 3, refused: [0, 2], more: 1 }, 3)).toEqual({
      ringRevision: 3,
      refused: [0, 2],
    })
  })

  test.each([
    ['a revision of text', { ringRevision: '3', refused: [] }],
    ['a position behind the batch', { ringRevision: 3, refused: [2] }],
    ['a negative position', { ringRevision: 3, refused: [-1] }],
    ['more positions than beats', { ringRevision: 3, refused: [0, 1, 1] }],
    ['no positions', { ringRevision: 3 }],
  ])('is refused with %s', (_, value) => {
    expect(() => parseHeartbeatReply(value, 2)).toThrow(expect.objectContaining({ code: 'REGISTRY_INVALID' }))
  })
})
