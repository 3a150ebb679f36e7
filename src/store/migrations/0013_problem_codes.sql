-- Migration 0013: what is wrong with a rejected webhook, as codes with parameters.

-- Each problem was { path, message }, and programs compared the messages. Now it is { path, code, params, message }, as
-- src/contract/problems.ts has it. The message stays for a Worker from before this migration. What that one still writes
-- until the new one is deployed has no code, and is read as `other`.
UPDATE rejections SET problems = (
  SELECT json_group_array(
    json_object(
      'path', path,
      'code', code,
      'params', json(
        CASE code
          WHEN 'too-long' THEN json_object('max', CAST(substr(message, 19) AS INTEGER))
          WHEN 'not-one-of' THEN '{"values":[' || replace(json_quote(substr(message, 16)), ', ', '","') || ']}'
          WHEN 'not-a-status' THEN '{"known":[' || replace(json_quote(substr(message, 24)), ', ', '","') || ']}'
          WHEN 'wrong-type' THEN json_object(
            'expected', substr(message, 25, instr(message, ', received ') - 25),
            'received', substr(message, instr(message, ', received ') + 11)
          )
          WHEN 'other' THEN json_object('message', message)
          ELSE '{}'
        END
      ),
      'message', message
    )
  )
  FROM (
    SELECT
      value ->> 'path' AS path,
      value ->> 'message' AS message,
      CASE value ->> 'message'
        WHEN 'is required' THEN 'required'
        WHEN 'must not be empty' THEN 'empty'
        WHEN 'must not contain control characters or lone surrogates' THEN 'unfaithful'
        WHEN 'must be an ISO 8601 date and time with Z or an offset' THEN 'not-a-moment'
        WHEN 'must be a phone number or an identity' THEN 'not-a-contact'
        WHEN 'must be a phone number with its country code' THEN 'not-a-contact'
        WHEN 'is empty' THEN 'body-empty'
        WHEN 'is not encoded as its Content-Encoding says (RFC 9110, section 8.4)' THEN 'badly-encoded'
        WHEN 'is not UTF-8 (RFC 8259, section 8.1)' THEN 'not-utf8'
        WHEN 'cannot be parsed as JSON (RFC 8259)' THEN 'not-json'
        WHEN 'is not the application that this address is bound to' THEN 'other-application'
        WHEN 'the integration does not exist' THEN 'unknown-integration'
        WHEN 'the integration is disabled' THEN 'disabled'
        WHEN 'the token was rotated away' THEN 'old-token'
        WHEN 'the address is not among the allowed ones' THEN 'address'
        WHEN 'the signature is missing or does not hold' THEN 'signature'
        WHEN 'differs from the event' THEN 'differs'
        WHEN 'is not in the event' THEN 'not-in-event'
        WHEN 'is missing, and is in the event' THEN 'only-in-event'
        ELSE CASE
          WHEN value ->> 'message' GLOB 'must have at most [0-9]* characters' THEN 'too-long'
          WHEN value ->> 'message' GLOB 'must be one of ?*' THEN 'not-one-of'
          WHEN value ->> 'message' GLOB 'must be a word such as ?*' THEN 'not-a-status'
          WHEN value ->> 'message' GLOB 'Invalid input: expected ?*, received ?*' THEN 'wrong-type'
          ELSE 'other'
        END
      END AS code
    FROM json_each(rejections.problems)
  )
)
WHERE problems <> '[]';
