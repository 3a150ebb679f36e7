// A person's data, on request (LGPD, art. 18): a file with all of it, or its erasure. Both are asked to be confirmed by
// typing the number, which nobody does by a slip.

import type { Child, FC } from 'hono/jsx';
import { isPhoneNumber } from '../../contract/contact.ts';
import { apiPath } from '../frame/api-client.ts';
import { ContactName, Copyable, Facts, Notice, Page, Time } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { personTexts } from './texts.ts';

/** How many went. */
export interface Erased {
  events: number;
  rejections: number;
  deadLetters: number;
  blotted: number;
}

/** A page that asks for the number. `typed` is what was typed before. */
interface Confirmation {
  view: View;
  contact: string;
  typed?: string;
  /** Why it was not done. */
  refusal?: string | null;
}

export const ExportPage: FC<Confirmation> = (props) => {
  const t = personTexts(props.view.language);
  return (
    <Page view={props.view} title={t.exportTitle} heading={headingOf(t.exportTitle, props.contact)}>
      <p>{t.exportWhat}</p>
      <ConfirmationForm {...props} action="export">
        <button type="submit">{t.download}</button>
      </ConfirmationForm>
    </Page>
  );
};

/** @param offersForce whether it can be insisted on, for a number of the business. */
export const ErasePage: FC<Confirmation & { offersForce?: boolean }> = ({
  offersForce = false,
  ...props
}) => {
  const t = personTexts(props.view.language);
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
  const t = personTexts(view.language);
  const path = apiPath`/contacts/${contact}`;
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

/** What goes along from one part of an erasure to the next. */
export interface Progress {
  cursor: string;
  isForced: boolean;
  erased: Erased;
  /** Of the parts that are done. */
  receipts: readonly string[];
}

/** One request has searched as much as it may: a form that goes on, by itself where there is JavaScript, see runs.tsx. */
export const UnfinishedPage: FC<{
  view: View;
  contact: string;
  typed: string;
  progress: Progress;
  isInterrupted?: boolean;
}> = ({ view, contact, typed, progress: { cursor, isForced, erased, receipts }, isInterrupted = false }) => {
  const t = personTexts(view.language);
  return (
    <Page view={view} title={t.unfinishedTitle} heading={headingOf(t.unfinishedTitle, contact)}>
      {isInterrupted && <Notice tone="bad">{t.interrupted}</Notice>}
      <p role="status">{t.unfinished}</p>
      <Facts facts={countsOf(view, erased)} />
      <form
        method="post"
        action={apiPath`/contacts/${contact}/erase`}
        {...(!isInterrupted && { 'data-go-on': 'true' })}
      >
        <input type="hidden" name="typed" value={typed} />
        <input type="hidden" name="cursor" value={cursor} />
        {isForced && <input type="hidden" name="force" value="true" />}
        {receipts.map((receipt) => (
          <input type="hidden" name="receipt" value={receipt} />
        ))}
        {Object.entries(erased).map(([name, count]) => (
          <input type="hidden" name={name} value={count} />
        ))}
        <button type="submit" class="danger">
          {t.goOn}
        </button>
      </form>
    </Page>
  );
};

/** What the audit trail knows of an erasure. */
export interface Receipt {
  receipt: string;
  isFinished: boolean;
  at: string;
  actor: string;
  erased: Erased;
}

/** What is left of an erasure: its receipts, one for each part, the last one's first. */
export const ReceiptPage: FC<{ view: View; receipts: readonly Receipt[] }> = ({ view, receipts }) => {
  const t = personTexts(view.language);
  const isFinished = receipts.some((receipt) => receipt.isFinished);
  return (
    <Page view={view} title={t.receiptTitle}>
      {isFinished ? <Notice>{t.receiptKept}</Notice> : <Notice tone="warn">{t.receiptUnfinished}</Notice>}
      {receipts.map(({ receipt, at, actor, erased }) => (
        <section class="panel" aria-label={t.receipt}>
          <Copyable view={view} value={receipt} label={t.receipt} />
          <Facts
            facts={[...countsOf(view, erased), [t.at, <Time view={view} at={at} whole />], [t.by, actor]]}
          />
          <p>
            <a href={`/audit?${new URLSearchParams({ object: receipt })}`}>{t.inAudit}</a>
          </p>
        </section>
      ))}
    </Page>
  );
};

function countsOf(
  view: View,
  { events, rejections, deadLetters, blotted }: Erased,
): (readonly [Child, Child])[] {
  const t = personTexts(view.language);
  const { number } = view.formats;
  return [
    [t.events, number(events)],
    [t.rejections, number(rejections)],
    [t.deadLetters, number(deadLetters)],
    ...(blotted > 0 ? [[t.blotted, number(blotted)] as const] : []),
  ];
}

function headingOf(title: string, contact: string): Child {
  return (
    <>
      {title}: <ContactName contact={contact} />
    </>
  );
}
