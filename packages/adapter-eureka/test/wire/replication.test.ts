import { expect, test } from 'vitest'
import { wireLimits } from '../../src/wire/limits.ts'
import { readReplicationList, writeReplicationResponse } from '../../src/wire/replication.ts'
import { writeInstanceJson } from '../../src/wire/json-writer.ts'
import { plain } from './instances.ts'
import { javaOwn } from './registrations.ts'

const heartbeat = {
  action: 'Heartbeat',
  appName: 'ORDERS',
  id: 'orders-1',
  lastDirtyTimestamp: 1700000000123,
  status: 'UP',
  overriddenStatus: 'UNKNOWN',
}

test('a batch is read item by item', () => {
  const register = { action: 'Register', appName: 'ORDERS', id: 'orders-1', instanceInfo: javaOwn.instance }
  const cancel = {
    action: 'Cancel',
    appName: 'ORDERS',
    id: 'orders-1',
    lastDirtyTimestamp: null,
    status: null,
  }
  const items = readReplicationList({ replicationList: [heartbeat, register, cancel] })
  expect(items).toHaveLength(3)
  expect(items[0]).toEqual({ ...heartbeat, instanceInfo: undefined })
  expect(items[1]).toMatchObject({ action: 'Register', instanceInfo: { hostName: 'orders-1.internal' } })
  expect(items[2]).toEqual({
    action: 'Cancel',
    appName: 'ORDERS',
    id: 'orders-1',
    lastDirtyTimestamp: undefined,
    status: undefined,
    overriddenStatus: undefined,
    instanceInfo: undefined,
  })
})

test.each(['StatusUpdate', 'DeleteStatusOverride'])('%s is an action', (action) => {
  expect(readReplicationList({ replicationList: [{ ...heartbeat, action }] })).toMatchObject([{ action }])
})

test('a single item may stand for a list of one', () => {
  expect(readReplicationList({ replicationList: heartbeat })).toHaveLength(1)
})

test.each([
  [{ ...heartbeat, action: 'Reboot' }, 'EUREKA_BODY_INVALID: action: is one of'],
  [{ ...heartbeat, appName: '' }, 'EUREKA_BODY_INVALID: appName: is missing'],
  [{ ...heartbeat, id: undefined }, 'EUREKA_BODY_INVALID: id: is missing'],
  [{ ...heartbeat, lastDirtyTimestamp: 'x' }, 'EUREKA_BODY_INVALID: lastDirtyTimestamp: is not a number'],
  [{ ...heartbeat, lastDirtyTimestamp: -1 }, 'EUREKA_BODY_INVALID: lastDirtyTimestamp: is from 0'],
  [{ ...heartbeat, instanceInfo: 'x' }, 'EUREKA_BODY_INVALID: instanceInfo: is not an object'],
  [{ ...heartbeat, instanceInfo: { port: 'x' } }, 'EUREKA_BODY_INVALID: port: is not a number'],
  [{ ...heartbeat, id: 'i'.repeat(257) }, 'EUREKA_BODY_TOO_LARGE: id: has 257 bytes'],
  [{ ...heartbeat, action: 'Register' }, 'EUREKA_BODY_INVALID: instanceInfo: is missing'],
  [null, 'EUREKA_BODY_INVALID: replicationList: has an item that is not an object'],
])('an item that cannot be read leaves the others of its batch alone, %#', (item, message) => {
  const [first, second] = readReplicationList({ replicationList: [item, heartbeat] })
  expect(first).toMatchObject({
    action: 'Unreadable',
    error: { message: expect.stringContaining(message) as string },
  })
  expect(second).toMatchObject({ action: 'Heartbeat' })
})

test.each([[null], [{}], [{ replicationList: 'x' }]])('%j is no batch', (body) => {
  expect(() => readReplicationList(body)).toThrow('EUREKA_BODY_INVALID')
})

test('a batch has its limit', () => {
  const list = (length: number) => ({ replicationList: Array.from({ length }, () => heartbeat) })
  expect(readReplicationList(list(wireLimits.replicationMaxItems))).toHaveLength(250)
  expect(() => readReplicationList(list(251))).toThrow(
    'EUREKA_BODY_TOO_LARGE: replicationList: has 251 items, at most 250',
  )
})

test('answers keep their order, and carry what is newer here', () => {
  expect(writeReplicationResponse([{ statusCode: 200 }, { statusCode: 409, responseEntity: plain }])).toBe(
    `{"responseList":[{"statusCode":200},{"statusCode":409,"responseEntity":${writeInstanceJson(plain)}}]}`,
  )
})
