import { RegistryError, type RegistryErrorCode } from '@orrery/registry'
import { StoreError } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { EurekaError } from '../src/errors.ts'
import { failureOf, unvouchedHeartbeat } from '../src/http/failure.ts'

const of = (code: RegistryErrorCode): RegistryError => new RegistryError(code, 'because')

describe('a failure', () => {
  test.each([
    [of('REGISTRY_INVALID'), 400, true],
    [of('REGISTRY_NAMESPACE_NOT_FOUND'), 400, true],
    [of('REGISTRY_INSTANCE_NOT_FOUND'), 404, false],
    [of('REGISTRY_CONFLICT'), 409, true],
    [of('REGISTRY_OVERLOADED'), 503, true],
    [of('REGISTRY_NOT_READY'), 503, true],
    [of('REGISTRY_UNAVAILABLE'), 503, true],
    [of('REGISTRY_CLOSED'), 503, true],
    [new StoreError('STORE_CLOSED', 'because'), 503, false],
    [new EurekaError('EUREKA_BODY_INVALID', 'because'), 400, true],
    [new EurekaError('EUREKA_BODY_TOO_LARGE', 'because'), 413, true],
    [new TypeError('a secret'), 500, false],
    ['thrown', 500, false],
  ])('%s is answered with %i, and with why: %s', (error, statusCode, isTold) => {
    const failure = failureOf(error)
    expect(failure.statusCode).toBe(statusCode)
    expect(failure.text).toBe(isTold && error instanceof Error ? error.message : '')
  })

  test('of ours is one that somebody should know of', () => {
    expect(failureOf(new TypeError('a bug')).isOurs).toBe(true)
    expect(failureOf(new StoreError('STORE_CLOSED', 'because')).isOurs).toBe(true)
    expect(failureOf(of('REGISTRY_OVERLOADED')).isOurs).toBe(false)
  })
})

describe('a heartbeat that cannot be vouched for', () => {
  test.each([undefined, '*/*', 'text/html, image/gif, *; q=.2, */*; q=.2'])(
    'is answered with why to who accepts %s, as HTML, which Java clients do not take for an instance',
    (accept) => {
      const failure = unvouchedHeartbeat(accept)
      expect(failure).toMatchObject({ statusCode: 503, retryAfterS: 3, isOurs: false })
      expect(failure.text).toMatch(/judges the instance cannot be reached/)
      expect(failure.contentType).toMatch(/^text\/html;/)
    },
  )

  test.each(['application/json', 'application/json, application/*+json', 'application/xml'])(
    'is answered without a body to who accepts %s, and would read it as an instance',
    (accept) => {
      expect(unvouchedHeartbeat(accept)).toMatchObject({ statusCode: 503, text: '', retryAfterS: 3 })
    },
  )

  test('can be tried again soon, and so can a registration that renews', () => {
    expect(failureOf(of('REGISTRY_UNAVAILABLE')).retryAfterS).toBe(3)
    expect(failureOf(of('REGISTRY_CLOSED')).retryAfterS).toBeUndefined()
  })
})
