// What a consumer imports, as `instant-message-receiver/consumer`. Depends on contract/ alone, and names no type of
// the Workers runtime: its pure parts serve a Node program as well.

export { type CompleteConsumeOptions, type ConsumeOptions, consume } from './consumer/consume.ts';
export { dataFromService, dataFromUrl, type FetchData } from './consumer/fetch-data.ts';
export type { EventContext, OtherEvent, WithData } from './consumer/handle-message.ts';
export { type Claim, type ConsumedKey, d1Once, type OnceStore, onceTableSql } from './consumer/once.ts';
export { type RetryDelay, retryDelaySeconds } from './consumer/retry-delay.ts';
export {
  CLOUDEVENT_TYPES,
  type ParsedEvent,
  parseEvent,
  type ResponseEvent,
  type StatusEvent,
} from './contract/cloudevent.ts';
export { canonicalContact, isPhoneNumber } from './contract/contact.ts';
export { type MessageStatus, messageStatus, statusRank } from './contract/message-status.ts';
export { isStatus, type ResponseWebhook, type Status, type StatusWebhook } from './contract/webhook.ts';
export { type ConversationWindow, conversationWindow, type WrittenAt } from './contract/window.ts';
