// The exports of `instant-message-consumer`. It depends only on the contract and uses no types of the Workers runtime, so that
// Node programs can use it as well.

export {
  CLOUDEVENT_TYPES,
  type ParsedEvent,
  parseEvent,
  type ResponseEvent,
  type StatusEvent,
} from '../../../src/contract/cloudevent.ts';
export { canonicalContact, isPhoneNumber } from '../../../src/contract/contact.ts';
export { type MessageStatus, messageStatus, statusRank } from '../../../src/contract/message-status.ts';
export {
  isStatus,
  type ResponseWebhook,
  type Status,
  type StatusWebhook,
} from '../../../src/contract/webhook.ts';
export { type ConversationWindow, conversationWindow, type WrittenAt } from '../../../src/contract/window.ts';
export { type CompleteConsumeOptions, type ConsumeOptions, consume } from './consume.ts';
export { dataFromService, dataFromUrl, type FetchData } from './fetch-data.ts';
export type { EventContext, OtherEvent, WithData } from './handle-message.ts';
export { type Claim, type ConsumedKey, d1Once, type OnceStore, onceTableSql } from './once.ts';
export { type OrderedOptions, orderedTablesSql } from './ordered.ts';
export { type RetryDelay, retryDelaySeconds } from './retry-delay.ts';
