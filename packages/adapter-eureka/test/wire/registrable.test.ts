import { expect, test } from 'vitest'
import { readInstanceJson } from '../../src/wire/json-reader.ts'
import { requireRegistrable } from '../../src/wire/registrable.ts'
import { complete, plain } from './instances.ts'
import { javaAmazon, javaOwn, javascript, python, springCloud, steeltoe } from './registrations.ts'

test.each([javaOwn, javaAmazon, springCloud, javascript, python, steeltoe])(
  'a real client can register: $instance.app',
  (body) => {
    expect(() => requireRegistrable(readInstanceJson(body), body.instance.app.toLowerCase())).not.toThrow()
  },
)

test.each([
  [{ ...plain, hostName: '' }, 'instanceId: is missing'],
  [{ ...complete, hostName: '' }, 'hostName: is missing'],
  [{ ...plain, ipAddr: '' }, 'ipAddr: is missing'],
  [{ ...plain, app: '' }, 'app: is missing'],
  [{ ...plain, app: 'other' }, 'app: is not the one of the path'],
  [
    { ...plain, dataCenterInfo: { class: undefined, name: '', metadata: undefined } },
    'dataCenterInfo.name: is missing',
  ],
  [
    { ...plain, dataCenterInfo: { class: undefined, name: 'Amazon', metadata: undefined } },
    'dataCenterInfo.metadata: is missing',
  ],
])('an instance that lacks something is refused, %#: %s', (info, message) => {
  expect(() => requireRegistrable(info, 'app')).toThrow(`EUREKA_BODY_INVALID: ${message}`)
})
