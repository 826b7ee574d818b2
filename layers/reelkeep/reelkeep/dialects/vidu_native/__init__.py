"""Vidu as an aggregator serves it, both ways: Veo, Grok and Vidu under /vidu-native.

Source: doc.aimanyi.top/api-391200090 for the query. Of the submission no page is known: it is taken as its sibling
POST /v1/video/create documents it (doc.aimanyi.top/api-385288046), and answered so. No page shows an error either:
OpenAI's form is the one that this family of gateways answers with.
"""

NAME = "vidu_native"
PATH = "/vidu-native/video/generations"
