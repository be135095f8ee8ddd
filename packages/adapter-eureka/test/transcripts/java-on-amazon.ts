import { javaAmazon } from '../wire/registrations.ts'
import { bare, listed, type Transcript, type WireRequest } from './transcript.ts'

const { instance } = javaAmazon
const { dataCenterInfo } = instance
const json = { Accept: 'application/json' }

/** Without an id of its own, it is called by that of its machine. */
const own = '/eureka/v2/apps/RATINGS/i-0abc'

function registers(fields: object): WireRequest {
  return {
    method: 'POST',
    path: '/eureka/v2/apps/RATINGS',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ instance: { ...instance, ...fields } }),
  }
}

const moved = {
  ...dataCenterInfo,
  metadata: {
    ...dataCenterInfo.metadata,
    'public-ipv4': '203.0.113.99',
    'public-hostname': 'ec2-99.example',
  },
}

const elsewhere = {
  instanceId: 'ratings-2',
  hostName: 'ratings-2.example',
  vipAddress: 'ratings,ratings-canary',
  secureVipAddress: 'ratings-safe',
  status: 'UP',
  dataCenterInfo: {
    '@class': 'com.netflix.appinfo.AmazonInfo',
    name: 'Amazon',
    metadata: { 'instance-id': 'i-0def', 'availability-zone': 'us-east-1d', 'ami-id': 'ami-78' },
  },
}

/** Clients on Amazon, whose zones are those of their machines. */
export const javaOnAmazon: Transcript = {
  title: 'Java clients on Amazon, one of which knows no instanceId',
  steps: [
    { tells: 'one of old registers', request: registers({}), answer: bare(204) },
    {
      tells: 'it is renewed by the id of its machine',
      afterMs: 30_000,
      request: {
        method: 'PUT',
        path: `${own}?status=STARTING&lastDirtyTimestamp=1700000000000`,
      },
      answer: bare(200),
    },
    { tells: 'one of today registers', request: registers(elsewhere), answer: bare(204) },
    {
      tells: 'a reader in two regions gets the one that there is, and chooses by zone',
      request: { method: 'GET', path: '/eureka/v2/apps/?regions=us-east-1,eu-west-1', headers: json },
      answer: {
        status: 200,
        json: listed('STARTING_1_UP_1_', {
          RATINGS: [
            { hostName: instance.hostName, asgName: 'ratings-v012', dataCenterInfo },
            { instanceId: 'ratings-2', dataCenterInfo: elsewhere.dataCenterInfo },
          ],
        }),
      },
      copyIs: 'replaced',
    },
    {
      tells: 'one in a hurry leaves out what zones do not need',
      request: {
        method: 'GET',
        path: '/eureka/v2/apps/delta?regions=us-east-1',
        headers: { ...json, 'X-Eureka-Accept': 'compact' },
      },
      answer: {
        status: 200,
        json: listed('STARTING_1_UP_1_', {
          RATINGS: [
            { dataCenterInfo: { metadata: { 'availability-zone': 'us-east-1c' } } },
            {
              dataCenterInfo: {
                '@class': 'com.netflix.appinfo.AmazonInfo',
                metadata: { 'instance-id': 'i-0def', 'availability-zone': 'us-east-1d' },
              },
            },
          ],
        }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'a vip address is one of several',
      request: { method: 'GET', path: '/eureka/v2/vips/ratings-canary', headers: json },
      answer: { status: 200, json: listed('UP_1_', { RATINGS: [{ instanceId: 'ratings-2' }] }) },
    },
    {
      tells: 'a secure one likewise',
      request: { method: 'GET', path: '/eureka/v2/svips/ratings-safe', headers: json },
      answer: { status: 200, json: listed('UP_1_', { RATINGS: [{ instanceId: 'ratings-2' }] }) },
    },
    {
      tells: 'the machine gets another address: the client has changed',
      request: { method: 'PUT', path: `${own}?status=STARTING&lastDirtyTimestamp=1700000090000` },
      answer: bare(404),
    },
    {
      tells: 'so it registers with it',
      request: registers({
        hostName: 'ec2-99.example',
        dataCenterInfo: moved,
        status: 'UP',
        lastDirtyTimestamp: '1700000090000',
      }),
      answer: bare(204),
    },
    {
      tells: 'whoever knows only the machine finds it',
      request: { method: 'GET', path: '/eureka/v2/instances/i-0abc', headers: json },
      answer: { status: 200, json: { instance: { hostName: 'ec2-99.example', dataCenterInfo: moved } } },
    },
    {
      tells: 'also in XML, which is what it gets who says nothing',
      request: { method: 'GET', path: '/eureka/v2/apps/RATINGS/i-0abc' },
      answer: {
        status: 200,
        xml: {
          instance: {
            asgName: 'ratings-v012',
            dataCenterInfo: { ...moved },
            overriddenstatus: 'UNKNOWN',
            port: { '@enabled': 'true', $: '7001' },
          },
        },
      },
    },
    {
      tells: 'groups of machines are not switched here',
      request: { method: 'PUT', path: '/eureka/v2/asg/ratings-v012/status?value=DISABLED' },
      answer: { status: 400, text: /groups/ },
    },
    {
      tells: 'it ends by the id of its machine',
      request: { method: 'DELETE', path: own },
      answer: bare(200),
    },
    {
      tells: 'and the copy is as everything',
      request: { method: 'GET', path: '/eureka/v2/apps/delta', headers: json },
      answer: { status: 200, json: { applications: { apps__hashcode: 'UP_1_' } } },
      copyIs: 'in step',
    },
  ],
}
