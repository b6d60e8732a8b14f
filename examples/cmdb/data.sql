INSERT INTO users VALUES (1, 'Ines', 'ines@example.org'), (2, 'Pavel', 'pavel@example.org'), (3, 'Ruth', 'ruth@example.org');
INSERT INTO roles VALUES (1, 'operator'), (2, 'auditor');
INSERT INTO user_roles VALUES (1, 1), (2, 1), (2, 2);

INSERT INTO configuration_items VALUES
    ('00000000-0000-4000-8000-000000000001', 'server', 'atlas',
     '{"os": {"name": "Debian", "version": "12"}, "cpu": 32, "addresses": ["10.0.0.5", "10.0.1.5"]}', 1, NULL),
    ('00000000-0000-4000-8000-000000000002', 'server', 'borea', '{"os": {"name": "Debian", "version": "11"}, "cpu": 8}', 1, NULL),
    ('00000000-0000-4000-8000-000000000003', 'database', 'orders', '{"engine": "postgresql", "cpu": "shared"}', 2, NULL),
    ('00000000-0000-4000-8000-000000000004', 'application', 'webshop', '{"repository": "shop.git"}', NULL, NULL),
    ('00000000-0000-4000-8000-000000000005', 'switch', 'core-1', '{}', 1, NULL),
    ('00000000-0000-4000-8000-000000000006', 'server', 'old-mail', '{"os": {"name": "Solaris"}}', 1, '2020-02-02 00:00:00+00');

INSERT INTO relationships VALUES
    (1, '00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000001', 'RUNS_ON', '2023-04-01', NULL),
    (2, '00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'RUNS_ON', '2022-01-15', NULL),
    (3, '00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000003', 'DEPENDS_ON', '2023-04-01', '{"critical": true}'),
    (4, '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000005', 'CONNECTS_TO', NULL, '{"port": 7}'),
    (5, '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000005', 'CONNECTS_TO', NULL, '{"port": 8}'),
    (6, '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000005', 'CONNECTS_TO', NULL, '{"port": 9}');
