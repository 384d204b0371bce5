ALTER TABLE `vision_webhook_endpoints` ADD `requests` int unsigned DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `vision_webhook_endpoints` ADD `requests_since` datetime(3);