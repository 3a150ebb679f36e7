-- Migration 0010: the contacts of Mexico and Argentina in their new form.

-- WhatsApp adds a 1 to Mexican numbers and a 9 to Argentinian ones, and leaves it out at other times. Both were kept as
-- they came, which made two contacts of one customer; the canonical form has neither digit now. Only events of those two
-- countries are written, found by the index on contacts: each costs three rows. What a Worker from before this
-- migration stores until the new one is deployed keeps its contact; exports and erasures find it all the same, as they
-- find every mention of a number.
UPDATE events SET contact = '+52' || substr(contact, 5)
WHERE contact >= '+521' AND contact < '+522' AND length(contact) = 14 AND contact NOT GLOB '+*[^0-9]*';
UPDATE events SET contact = '+54' || substr(contact, 5)
WHERE contact >= '+549' AND contact < '+54:' AND length(contact) = 14 AND contact NOT GLOB '+*[^0-9]*';

UPDATE dead_letters SET contact = substr(contact, 1, 3) || substr(contact, 5)
WHERE contact GLOB '+521??????????' OR contact GLOB '+549??????????';

-- What jobs under way are asked to put back.
UPDATE replays SET filter = json_set(filter, '$.contact', substr(filter ->> 'contact', 1, 3) || substr(filter ->> 'contact', 5))
WHERE filter ->> 'contact' GLOB '+521??????????' OR filter ->> 'contact' GLOB '+549??????????';

INSERT INTO business_numbers (number, integration, seq, has_several)
SELECT substr(number, 1, 3) || substr(number, 5), integration, seq, has_several FROM business_numbers
WHERE number GLOB '+521??????????' OR number GLOB '+549??????????'
ON CONFLICT (number, integration) DO UPDATE SET has_several = max(has_several, excluded.has_several);
DELETE FROM business_numbers WHERE number GLOB '+521??????????' OR number GLOB '+549??????????';
