// The pages of a person's data on request (LGPD, art. 18): a file with all of it, or its erasure. Both must be confirmed by
// typing the number, which nobody does by mistake.

import type { Child, FC } from 'hono/jsx';
import { isPhoneNumber } from '../../contract/contact.ts';
import type { Counts } from '../frame/bulk-actions.tsx';
import { ContactName, Copyable, type Fact, Facts, Notice, Time } from '../frame/components.tsx';
import { HiddenFields } from '../frame/filters.tsx';
import { pagePath } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { personalDataTexts } from './texts.ts';

/** What an erasure counts. */
export const ERASED_COUNTS = ['events', 'rejections', 'deadLetters', 'blotted'] as const;
type Erased = Counts<(typeof ERASED_COUNTS)[number]>;

/** A page that asks for the number. */
interface Confirmation {
  view: View;
  contact: string;
  /** What was typed before. */
  typed?: string;
  /** Why nothing was done. */
  refusal?: string | null;
}

export const ExportPage: FC<Confirmation> = (props) => {
  const t = personalDataTexts(props.view.language);
  return (
    <Page view={props.view} title={t.exportTitle} heading={headingOf(t.exportTitle, props.contact)}>
      <p>{t.exportWhat}</p>
      <ConfirmationForm {...props} action="export">
        <button type="submit">{t.download}</button>
      </ConfirmationForm>
    </Page>
  );
};

/** @param offersForce whether it can be insisted on, for a number that may be the business's own. */
export const ErasePage: FC<Confirmation & { offersForce?: boolean }> = ({
  offersForce = false,
  ...props
}) => {
  const t = personalDataTexts(props.view.language);
  return (
    <Page view={props.view} title={t.eraseTitle} heading={headingOf(t.eraseTitle, props.contact)}>
      <section class="panel">
        <p>{t.eraseWhat}</p>
        <ul>
          <li>{t.erasedEvents}</li>
          <li>{t.erasedRejections}</li>
          <li>{t.erasedDeadLetters}</li>
          <li>{t.erasedOthers}</li>
          <li>{t.blottedIds}</li>
        </ul>
        <h2>{t.remains}</h2>
        <ul>
          <li>{t.remainsBackups}</li>
          <li>{t.remainsQueues}</li>
          <li>{t.remainsConsumers}</li>
          <li>{t.remainsAudit}</li>
        </ul>
      </section>
      <ConfirmationForm {...props} action="erase">
        {offersForce && (
          <label>
            <input type="checkbox" name="force" value="true" /> {t.force}
          </label>
        )}
        <button type="submit" class="danger">
          {t.erase}
        </button>
      </ConfirmationForm>
    </Page>
  );
};

const ConfirmationForm: FC<Confirmation & { action: 'erase' | 'export'; children: Child }> = ({
  view,
  contact,
  typed = '',
  refusal = null,
  action,
  children,
}) => {
  const t = personalDataTexts(view.language);
  const path = pagePath`/contacts/${contact}`;
  return (
    <form method="post" action={`${path}/${action}`} class="narrow confirmation" autocomplete="off">
      {refusal !== null && <Notice tone="bad">{refusal}</Notice>}
      <label>
        {t.typeNumber}
        <input
          type="text"
          {...(isPhoneNumber(contact) && { inputmode: 'tel' })}
          name="typed"
          value={typed}
          required
        />
      </label>
      {children} <a href={path}>{commonTexts(view.language).cancel}</a>
    </form>
  );
};

/** What is handed on from one part of an erasure to the next. */
export interface Progress {
  cursor: string;
  isForced: boolean;
  erased: Erased;
  /** Of the parts that are done, the last one first. */
  receipts: readonly string[];
}

/** One part is done: a form that goes on, as those of bulk-actions.tsx do. */
export const UnfinishedPage: FC<{
  view: View;
  contact: string;
  typed: string;
  progress: Progress;
  isInterrupted?: boolean;
}> = ({ view, contact, typed, progress: { cursor, isForced, erased, receipts }, isInterrupted = false }) => {
  const t = personalDataTexts(view.language);
  return (
    <Page view={view} title={t.unfinishedTitle} heading={headingOf(t.unfinishedTitle, contact)}>
      {isInterrupted && <Notice tone="bad">{t.interrupted}</Notice>}
      <p role="status">{t.unfinished}</p>
      <Facts facts={countFacts(view, erased)} />
      <form
        method="post"
        action={pagePath`/contacts/${contact}/erase`}
        {...(!isInterrupted && { 'data-go-on': 'true' })}
      >
        <input type="hidden" name="typed" value={typed} />
        <input type="hidden" name="cursor" value={cursor} />
        {isForced && <input type="hidden" name="force" value="true" />}
        {receipts.map((receipt) => (
          <input type="hidden" name="receipt" value={receipt} />
        ))}
        <HiddenFields fields={erased} />
        <button type="submit" class="danger">
          {t.goOn}
        </button>
      </form>
    </Page>
  );
};

/** What the audit trail has of one part of an erasure. */
export interface Receipt {
  receipt: string;
  isFinished: boolean;
  at: string;
  actor: string;
  erased: Erased;
}

/** The receipts of an erasure, one for each part, the last one first. */
export const ReceiptPage: FC<{ view: View; receipts: readonly Receipt[] }> = ({ view, receipts }) => {
  const t = personalDataTexts(view.language);
  const isFinished = receipts.some((receipt) => receipt.isFinished);
  return (
    <Page view={view} title={t.receiptTitle}>
      {isFinished ? <Notice>{t.receiptKept}</Notice> : <Notice tone="warn">{t.receiptUnfinished}</Notice>}
      {receipts.map(({ receipt, at, actor, erased }) => (
        <section class="panel" aria-label={t.receipt}>
          <Copyable view={view} value={receipt} label={t.receipt} />
          <Facts
            facts={[
              ...countFacts(view, erased),
              [t.at, <Time view={view} at={at} whole />],
              [commonTexts(view.language).by, actor],
            ]}
          />
          <p>
            <a href={`/audit?${new URLSearchParams({ object: receipt })}`}>{t.inAudit}</a>
          </p>
        </section>
      ))}
    </Page>
  );
};

function countFacts(view: View, { events, rejections, deadLetters, blotted }: Erased): (Fact | false)[] {
  const t = personalDataTexts(view.language);
  const common = commonTexts(view.language);
  const { number } = view.formats;
  return [
    [common.events, number(events)],
    [common.rejections, number(rejections)],
    [common.deadLetters, number(deadLetters)],
    blotted > 0 && [t.blotted, number(blotted)],
  ];
}

function headingOf(title: string, contact: string): Child {
  return (
    <>
      {title}: <ContactName contact={contact} />
    </>
  );
}
