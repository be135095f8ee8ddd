import { gzipSync } from 'node:zlib'
import { javaOwn } from '../wire/registrations.ts'
import { bare, listed, type Step, type Transcript, type WireRequest } from './transcript.ts'

const peer = {
  'User-Agent': 'Java-EurekaClient-Replication',
  'DiscoveryIdentity-Name': 'DefaultServer',
  'DiscoveryIdentity-Version': '1.0',
  'DiscoveryIdentity-Id': '10.1.0.200',
}

interface Item {
  readonly action: 'Register' | 'Heartbeat' | 'Cancel' | 'StatusUpdate' | 'DeleteStatusOverride'
  readonly status?: string
  readonly lastDirtyTimestamp?: number
  readonly overriddenStatus?: string
  readonly instanceInfo?: object
}

/** As Netflix's server writes batches: what an item does not say is null. */
function batch(...items: readonly Item[]): string {
  const replicationList = items.map((item) => ({
    appName: 'ORDERS',
    id: 'orders-1',
    lastDirtyTimestamp: null,
    overriddenStatus: null,
    status: null,
    instanceInfo: null,
    ...item,
  }))
  return JSON.stringify({ replicationList })
}

function sends(...items: readonly Item[]): WireRequest {
  return {
    method: 'POST',
    path: '/eureka/v2/peerreplication/batch/',
    headers: { ...peer, Accept: 'application/json', 'Content-Type': 'application/json' },
    body: batch(...items),
  }
}

function sendsCompressed(...items: readonly Item[]): WireRequest {
  const request = sends(...items)
  const headers = { ...request.headers, 'Content-Encoding': 'gzip' }
  return { ...request, headers, body: gzipSync(batch(...items)) }
}

function answers(...responseList: readonly object[]): Step['answer'] {
  return { status: 200, json: { responseList } }
}

function info(lastDirtyTimestamp: number, fields: object = {}): object {
  return { ...javaOwn.instance, ...fields, lastDirtyTimestamp: String(lastDirtyTimestamp) }
}

const own = '/eureka/v2/apps/ORDERS/orders-1'
const reads = { ...peer, Accept: 'application/json', 'Accept-Encoding': 'gzip' }

function looks(): WireRequest {
  return { method: 'GET', path: own, headers: reads }
}

/** Netflix's server hands over to this one: clients move from there to here, and back once. */
export const peers: Transcript = {
  title: "Netflix's server, which counts this one among its peers",
  steps: [
    {
      tells: 'it starts by fetching what its peers have',
      request: { method: 'GET', path: '/eureka/v2/apps/', headers: reads },
      answer: { status: 200, json: { applications: { apps__hashcode: '', application: [] } } },
      copyIs: 'replaced',
    },
    {
      tells: 'a heartbeat there is one here, where nobody is known',
      request: sends({ action: 'Heartbeat', status: 'UP', lastDirtyTimestamp: 1000 }),
      answer: answers({ statusCode: 404 }),
    },
    {
      tells: 'so it registers him, and passes on that he was taken out of service',
      request: sendsCompressed({
        action: 'Register',
        lastDirtyTimestamp: 1000,
        instanceInfo: info(1000, { overriddenStatus: 'OUT_OF_SERVICE' }),
      }),
      answer: answers({ statusCode: 204 }),
    },
    {
      tells: 'which he is here, too',
      request: looks(),
      answer: {
        status: 200,
        json: { instance: { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' } },
      },
    },
    {
      tells: 'several things at once are done one after the other',
      request: sends(
        { action: 'DeleteStatusOverride', status: 'UP', lastDirtyTimestamp: 1000 },
        { action: 'Heartbeat', status: 'UP', lastDirtyTimestamp: 1000, overriddenStatus: 'UNKNOWN' },
      ),
      answer: answers({ statusCode: 200 }, { statusCode: 200 }),
    },
    {
      tells: 'the client itself comes, and is known',
      afterMs: 30_000,
      request: { method: 'PUT', path: `${own}?status=UP&lastDirtyTimestamp=1000` },
      answer: bare(200),
    },
    {
      tells: 'he has changed and registers here alone',
      request: {
        method: 'POST',
        path: '/eureka/v2/apps/ORDERS',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ instance: info(2000, { metadata: { release: '2' } }) }),
      },
      answer: bare(204),
    },
    {
      tells: 'his old server knows less, and is given what is known',
      request: sends({ action: 'Heartbeat', status: 'UP', lastDirtyTimestamp: 1000 }),
      answer: answers({
        statusCode: 409,
        responseEntity: { instanceId: 'orders-1', lastDirtyTimestamp: '2000', metadata: { release: '2' } },
      }),
    },
    {
      tells: 'likewise when it says so of one alone',
      request: {
        method: 'PUT',
        path: `${own}?status=UP&lastDirtyTimestamp=1000`,
        headers: { ...peer, Accept: 'application/json', 'x-netflix-discovery-replication': 'true' },
      },
      answer: {
        status: 409,
        json: { instance: { lastDirtyTimestamp: '2000', metadata: { release: '2' } } },
      },
    },
    {
      tells: 'the client said the same himself: he lives, and that is all',
      request: { method: 'PUT', path: `${own}?status=UP&lastDirtyTimestamp=1000` },
      answer: bare(200),
    },
    {
      tells: 'he goes back once and changes there: a heartbeat tells that something is missing here',
      request: sends({ action: 'Heartbeat', status: 'DOWN', lastDirtyTimestamp: 3000 }),
      answer: answers({ statusCode: 404 }),
    },
    {
      tells: 'it is passed on one by one this time',
      request: {
        method: 'POST',
        path: '/eureka/v2/apps/ORDERS',
        headers: { ...peer, 'Content-Type': 'application/json', 'x-netflix-discovery-replication': 'true' },
        body: JSON.stringify({ instance: info(3000, { status: 'DOWN' }) }),
      },
      answer: bare(204),
    },
    {
      tells: 'what is late changes nothing',
      request: sends({ action: 'Register', lastDirtyTimestamp: 2000, instanceInfo: info(2000) }),
      answer: answers({ statusCode: 204 }),
    },
    {
      tells: 'he is down',
      request: looks(),
      answer: { status: 200, json: { instance: { status: 'DOWN', lastDirtyTimestamp: '3000' } } },
    },
    {
      tells: 'an operator has switched him there',
      request: sends({ action: 'StatusUpdate', status: 'OUT_OF_SERVICE', lastDirtyTimestamp: 3500 }),
      answer: answers({ statusCode: 200 }),
    },
    {
      tells: 'and everybody here is told',
      request: { method: 'GET', path: '/eureka/v2/apps/delta', headers: reads },
      answer: {
        status: 200,
        json: listed('OUT_OF_SERVICE_1_', { ORDERS: [{ lastDirtyTimestamp: '3500' }] }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'he ends there, twice',
      request: sends({ action: 'Cancel' }, { action: 'Cancel' }),
      answer: answers({ statusCode: 200 }, { statusCode: 404 }),
    },
    {
      tells: 'and is gone here',
      request: { method: 'GET', path: '/eureka/v2/apps/delta', headers: reads },
      answer: { status: 200, json: listed('', { ORDERS: [{ actionType: 'DELETED' }] }) },
      copyIs: 'in step',
    },
  ],
}
