import type { InstanceInfo } from '../../src/wire/instance-info.ts'

/** An instance with every field that can be absent absent. */
export const plain: InstanceInfo = {
  instanceId: undefined,
  hostName: 'host',
  app: 'APP',
  ipAddr: '10.0.0.1',
  sid: undefined,
  status: 'UP',
  overriddenStatus: 'UNKNOWN',
  port: { port: 8080, enabled: true },
  securePort: { port: 8443, enabled: false },
  countryId: 1,
  dataCenterInfo: {
    class: 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
    name: 'MyOwn',
    metadata: undefined,
  },
  leaseInfo: {
    renewalIntervalInSecs: 30,
    durationInSecs: 90,
    registrationTimestamp: 1,
    lastRenewalTimestamp: 2,
    evictionTimestamp: 0,
    serviceUpTimestamp: 3,
  },
  metadata: {},
  appGroupName: undefined,
  homePageUrl: undefined,
  statusPageUrl: undefined,
  healthCheckUrl: undefined,
  secureHealthCheckUrl: undefined,
  vipAddress: undefined,
  secureVipAddress: undefined,
  asgName: undefined,
  isCoordinatingDiscoveryServer: false,
  lastUpdatedTimestamp: 4,
  lastDirtyTimestamp: 5,
  actionType: undefined,
}

/** An instance with every field given. */
export const complete: InstanceInfo = {
  ...plain,
  instanceId: 'host:app:8080',
  sid: 'sid',
  dataCenterInfo: {
    class: 'com.netflix.appinfo.AmazonInfo',
    name: 'Amazon',
    metadata: { 'instance-id': 'i-1', 'availability-zone': 'a', 'ami-id': 'ami-1' },
  },
  metadata: { zone: 'a' },
  appGroupName: 'GROUP',
  homePageUrl: 'http://host/',
  statusPageUrl: 'http://host/status',
  healthCheckUrl: 'http://host/health',
  secureHealthCheckUrl: 'https://host/health',
  vipAddress: 'app,App2',
  secureVipAddress: 'app',
  asgName: 'asg',
  actionType: 'MODIFIED',
}
