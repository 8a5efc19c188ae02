-- Roles have got the permissions of the feed and of webhooks. Nobody manages users who may do more than themselves: programs
-- that could manage an Admin before get them too, so that they still can. They could have made themselves an Admin anyway.
UPDATE clients SET permissions = permissions || ARRAY(
    SELECT added FROM unnest(ARRAY['events.view', 'webhooks.manage']) AS added WHERE added <> ALL (permissions))
WHERE permissions @> ARRAY[
    'api.access', 'training.view', 'training.enroll', 'training.record', 'training.manage', 'accounts.manage'];
